/**
 * Decides which part of an update is worth sending. What is held back waits beside the model, is added to the next
 * gradient, and is never lost. It writes `sent`, and only with what has accumulated, or 0.
 *
 * @type {import('@peergrad/core').FilterFactory}
 */
export default ({ bound = 0.0001 }) => ({
  name: 'my-plugin',
  describe: 'sends a coordinate when its step would be larger than a bound (bound, 0.0001)',

  apply({ accumulated, sent, learningRate }) {
    for (let i = 0; i < sent.length; i++) {
      if (Math.abs(learningRate * accumulated[i]) > bound) sent[i] = accumulated[i]
    }
  }
})
