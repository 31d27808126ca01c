import '../main.js'
