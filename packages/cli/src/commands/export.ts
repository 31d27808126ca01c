import { PeergradError, resolveOptions } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'

export const exportModel: Command = {
  name: 'export',
  positional: 'CHECKPOINT',
  describe:
    'Writes the model in a checkpoint as a LayersModel of TensorFlow.js, model.json and weights.bin, which tf.loadLayersModel reads. CHECKPOINT is a file, or the directory of a peer. Runs that end do so by themselves.',
  options: ['data', 'data-dir', 'memory', 'out'],
  meanings: {
    out: { describe: 'where model.json and weights.bin go', defaultText: 'model, in the directory of the peer' }
  },
  flags: { json: JSON_FLAG },
  examples: [
    ['peergrad export runs/mine/peer-0', 'the newest checkpoint of a run that was stopped'],
    ['peergrad export round-000100.safetensors --out model', 'an older one']
  ],
  async run({ options: flags, flags: { json }, words: [checkpoint] }) {
    const { options } = resolveOptions({ flags })
    if (checkpoint === undefined) {
      const message = 'export: got nothing, expected a checkpoint, or the directory of a peer that wrote some'
      throw new PeergradError('argument', message)
    }
    const { exportCheckpoint } = await import('../export.js')
    const model = await exportCheckpoint(checkpoint, options)
    if (json === true) printJson({ model })
    else print(model)
    return 0
  }
}
