import { createEngine, loadDataset } from '@peergrad/engine'
import { engineCompliance } from '../../../test/compliance/engine.js'

for (const backend of ['cpu', 'wasm']) {
  engineCompliance(backend, {
    create: (components) => createEngine({ backend, ...components }),
    dataset: () => loadDataset('synthetic:train=130,test=70,side=6,classes=3', { cacheDirectory: 'unused' })
  })
}
