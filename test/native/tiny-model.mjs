// One training step of a tiny model on whatever back end is current: every kind of layer that the engine's models have.

const batch = 4

/** Numbers in (−scale, scale) that do not depend on the back end. */
const noise = (length, scale, seed) =>
  Float32Array.from({ length }, (_, i) => scale * ((Math.sin(seed * 91.7 + i * 12.9898) * 43758.5453) % 1))

const shapes = [[3, 3, 3, 8], [3, 3, 8, 1], [1, 1, 8, 8], [128, 10], [10]]

export const initialParameters = () =>
  shapes.map((shape, i) =>
    noise(
      shape.reduce((a, b) => a * b, 1),
      i === shapes.length - 1 ? 0 : 0.4,
      i + 1
    )
  )

const normalise = (tf, x) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2])
  return tf.batchNorm(x, mean, variance, tf.zerosLike(mean), tf.onesLike(mean), 1e-3)
}

const logits = (tf, x, [convolution, depthwise, pointwise, dense, bias]) => {
  const a = tf.maxPool(tf.relu(normalise(tf, tf.conv2d(x, convolution, 1, 'same'))), 2, 2, 'same')
  const b = tf.relu(normalise(tf, tf.conv2d(tf.depthwiseConv2d(a, depthwise, 2, 'same'), pointwise, 1, 'same')))
  const c = tf.avgPool(
    tf.pad(b, [
      [0, 0],
      [1, 0],
      [1, 0],
      [0, 0]
    ]),
    2,
    1,
    'valid'
  )
  return tf.add(tf.matMul(tf.reshape(c, [batch, -1]), dense), bias)
}

/** Loss and gradients at these parameters, read asynchronously, for a GPU cannot be read otherwise. */
export const gradient = async (tf, parameters) => {
  const { value, grads } = tf.tidy(() => {
    const x = tf.tensor(noise(batch * 16 * 16 * 3, 1, 7), [batch, 16, 16, 3])
    const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 10)
    const loss = (...weights) => tf.losses.softmaxCrossEntropy(labels, logits(tf, x, weights))
    return tf.valueAndGrads(loss)(parameters.map((values, i) => tf.tensor(values, shapes[i])))
  })
  const loss = (await value.data())[0]
  const gradients = await Promise.all(grads.map((tensor) => tensor.data()))
  tf.dispose([value, grads])
  return { loss, gradients }
}

/** Plain gradient descent in place. */
export const descend = (parameters, gradients, rate) =>
  parameters.forEach((values, i) => values.forEach((value, j) => (values[j] = value - rate * gradients[i][j])))

/** The largest difference, relative to the largest magnitude of its tensor. */
export const worstDifference = (got, expected) =>
  Math.max(
    ...expected.map((values, i) => {
      const magnitude = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      return values.reduce((most, value, j) => Math.max(most, Math.abs(value - got[i][j])), 0) / magnitude
    })
  )

export const sameBits = (a, b) => a.every((values, i) => Buffer.from(values.buffer).equals(Buffer.from(b[i].buffer)))

/** Trains a few steps on the named back end and compares the first gradient with the `cpu` back end's. */
export const check = async (tf, backend) => {
  await tf.setBackend('cpu')
  const expected = await gradient(tf, initialParameters())
  await tf.setBackend(backend)
  const first = await gradient(tf, initialParameters())
  const again = await gradient(tf, initialParameters())

  const parameters = initialParameters()
  const tensors = tf.memory().numTensors
  const losses = []
  const milliseconds = []
  for (let step = 0; step < 5; step++) {
    const start = performance.now()
    const { loss, gradients } = await gradient(tf, parameters)
    descend(parameters, gradients, 0.1)
    losses.push(loss)
    milliseconds.push(performance.now() - start)
  }
  const report = {
    backend: tf.getBackend(),
    loss: losses.map((loss) => loss.toFixed(4)).join(' → '),
    difference: worstDifference(first.gradients, expected.gradients),
    sameBitsTwice: sameBits(first.gradients, again.gradients),
    leakedTensors: tf.memory().numTensors - tensors,
    msPerStep: Number(Math.min(...milliseconds).toFixed(1))
  }
  const sound =
    report.backend === backend &&
    Number.isFinite(losses.at(-1)) &&
    losses.at(-1) < losses[0] &&
    report.difference < 1e-4 &&
    report.sameBitsTwice &&
    report.leakedTensors === 0
  return { ...report, sound }
}
