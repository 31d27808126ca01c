import { PeergradError } from '@peergrad/core'
import type { LayersModel, LayerVariable } from '@tensorflow/tfjs-layers'

import { ones, zeros, type Initialiser } from './initialise.js'

/** A serialised initialiser of tfjs-layers. */
interface Serialised {
  readonly className?: string
  readonly config?: Readonly<Record<string, unknown>>
}

/**
 * How a layer says that one of its weights starts, e.g. `kernelInitializer` for a weight called `kernel`. Truncated
 * normals become plain ones of the same deviation. Error `unsupported` for an initialiser that is not known here.
 */
export function initialiserOf(layer: LayersModel['layers'][number], weight: LayerVariable): Initialiser {
  const config = layer.getConfig()
  const camel = weight.originalName.replace(/^.*\//, '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const option = [camel, camel.replace(/Kernel$/, '')]
    .map((name): unknown => config[`${name}Initializer`])
    .find(isSerialised)
  const known = option === undefined ? undefined : translate(option)
  if (known !== undefined) return known
  const how = option?.className ?? 'nothing'
  const message = `model: the layer ${layer.name} says ${how} about how "${weight.name}" starts`
  throw new PeergradError(
    'unsupported',
    `${message}; expected zeros, ones, a constant, a uniform, a normal or variance scaling`
  )
}

function isSerialised(value: unknown): value is Serialised {
  return typeof value === 'object' && value !== null && 'className' in value
}

function translate({ className, config = {} }: Serialised): Initialiser | undefined {
  const value = (name: string): number => Number(config[name] ?? 0)
  switch (className) {
    case 'Zeros':
      return zeros
    case 'Ones':
      return ones
    case 'Constant':
      return { kind: 'constant', value: value('value') }
    case 'RandomUniform':
      return { kind: 'uniform', low: value('minval'), high: value('maxval') }
    case 'RandomNormal':
    case 'TruncatedNormal':
      return { kind: 'normal', mean: value('mean'), deviation: value('stddev') }
    case 'VarianceScaling': {
      const mode = config['mode'] === 'fanIn' ? 'in' : config['mode'] === 'fanOut' ? 'out' : 'average'
      const distribution = config['distribution'] === 'uniform' ? 'uniform' : 'normal'
      return { kind: 'scaled', scale: value('scale'), mode, distribution }
    }
    default:
      return undefined
  }
}
