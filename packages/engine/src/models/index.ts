import { describedRegistry } from '@peergrad/core'

/** Built-in models. A path to a tfjs `model.json`, a module path or a package name works wherever a name does. */
export const models = describedRegistry('model', import.meta.url, [
  ['mlp', '../models/mlp.js', 'mlp', 'one hidden layer, hidden=128'],
  ['cnn', '../models/cnn.js', 'cnn', 'two 3×3 convolutions and two dense layers; 545,098 parameters on CIFAR-10'],
  ['cnn-byzfl', '../models/cnn-byzfl.js', 'cnnByzfl', "ByzFL's cnn_mnist; 431,080 parameters on MNIST"],
  ['mobilenet', '../models/mobilenet.js', 'mobilenet', 'MobileNet v1 for CIFAR; 3,217,226 parameters'],
  ['resnet18', '../models/resnet18.js', 'resnet18', 'ResNet-18 for CIFAR; 11,173,962 parameters']
])
