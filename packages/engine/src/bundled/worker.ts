import '../worker/worker.js'
