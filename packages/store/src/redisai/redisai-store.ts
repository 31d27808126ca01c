import { PeergradError, type GradientStore } from '@peergrad/core'
import { openOnServer, type ServerInit } from '../redis/server.js'
import { AiTensors } from './ai-tensors.js'

export type RedisAiStoreInit = ServerInit

/** What RedisAI 1.2.7 runs on. */
const OLDEST = [6, 0] as const

/**
 * The `redisai` driver: a server with RedisAI 1.2 averages, aggregates by mean and updates, by a TorchScript of ours. Other
 * rules, codecs, digests and comparisons run here. Error `unsupported` for a server without RedisAI or libtorch.
 */
export function redisAiStore(init: RedisAiStoreInit): Promise<GradientStore> {
  return openOnServer(init, OLDEST, async ({ shown, data, patience, prefix, knows, connect }) => {
    if (!(await knows('AI.SCRIPTEXECUTE'))) {
      const message = `store: Redis at ${shown} has no RedisAI 1.2 or newer; start it with --loadmodule redisai.so, or use --store redis`
      throw new PeergradError('unsupported', message)
    }
    const tensors = new AiTensors({ data, work: await connect(), prefix, timeout: patience.reply })
    await tensors.prepare()
    return { name: 'redisai', vectors: tensors, work: tensors }
  })
}
