import '../compute/node-helper.js'
