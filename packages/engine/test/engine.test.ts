import { createEngine, engines, loadDataset } from '@peergrad/engine'
import { engineCompliance } from '../../../test/compliance/engine.js'

/** cpu and wasm are always there; tensorflow and webgpu where they are installed (see test/native). */
for (const { name: backend, available } of engines()) {
  if (!available) continue
  engineCompliance(backend, {
    create: (components) => createEngine({ backend, ...components }),
    dataset: () => loadDataset('synthetic:train=130,test=70,side=6,classes=3', { cacheDirectory: 'unused' })
  })
}
