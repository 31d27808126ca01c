import type { Backend, Running } from './backend.js'
import { ownVersion } from './packages.js'
import { downloadSync } from './transfer.js'

/** tfjs in plain JavaScript: always there, some hundred times slower than wasm. */
export const cpu: Backend = {
  name: 'cpu',
  probe: () => ({
    available: true,
    version: ownVersion('@tensorflow/tfjs-backend-cpu'),
    why: 'plain JavaScript, for tests'
  }),
  async start() {
    const { loadCpu, tf, tfLayers } = await import('../own-tfjs.js')
    loadCpu()
    // else its first use prints an advertisement for tfjs-node
    tf.enableProdMode()
    await tf.setBackend('cpu')
    await tf.ready()
    return {
      tf,
      layers: () => Promise.resolve(tfLayers),
      upload: (values, shape) => tf.tensor(values, [...shape], 'float32'),
      download: downloadSync
    } satisfies Running
  }
}
