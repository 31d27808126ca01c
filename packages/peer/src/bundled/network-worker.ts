import '../network/worker.js'
