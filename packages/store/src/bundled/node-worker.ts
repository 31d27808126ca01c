import '../compute/node-worker.js'
