import type { Dataset, Split } from '@peergrad/core'

export const CIFAR_SHAPE = [32, 32, 3] as const
/** values of one image */
export const CIFAR_VALUES = 3072
export const CIFAR_CLASSES = 10

/** CIFAR-10 with its usual statistics and augmentation: random crop with padding 4, horizontal flip. */
export function cifarDataset(name: string, train: Split, test: Split): Dataset {
  return {
    name,
    shape: CIFAR_SHAPE,
    classes: CIFAR_CLASSES,
    normalise: { scale: 1 / 255, mean: [0.4914, 0.4822, 0.4465], deviation: [0.247, 0.2435, 0.2616] },
    augment: { crop: 4, flip: true },
    train,
    test
  }
}
