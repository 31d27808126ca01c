import type { Registry } from '@peergrad/core'

/** Built-in models. A path to a tfjs `model.json`, a module path or a package name works wherever a name does. */
export const models: Registry = {
  kind: 'model',
  entries: new Map([
    entry('mlp', './mlp.js', 'mlp', 'one hidden layer, hidden=128'),
    entry('cnn', './cnn.js', 'cnn', 'two 3×3 convolutions and two dense layers; 545,098 parameters on CIFAR-10'),
    entry('cnn-byzfl', './cnn-byzfl.js', 'cnnByzfl', "ByzFL's cnn_mnist; 431,080 parameters on MNIST"),
    entry('mobilenet', './mobilenet.js', 'mobilenet', 'MobileNet v1 for CIFAR; 3,217,226 parameters'),
    entry('resnet18', './resnet18.js', 'resnet18', 'ResNet-18 for CIFAR; 11,173,962 parameters')
  ])
}

function entry(name: string, file: string, exported: string, describe: string) {
  const reference = { module: new URL(file, import.meta.url).href, export: exported, options: {} }
  return [name, { reference, describe }] as const
}
