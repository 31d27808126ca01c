/**
 * What a hostile peer gives in the place of its gradient. Deterministic: accomplices that know the same craft the same. It
 * writes `out`, whole, and nothing else. Lives in attack runs only.
 *
 * @type {import('@peergrad/core').AttackFactory}
 */
export default ({ factor = 1 }) => ({
  name: 'my-plugin',
  describe: 'gives the honest mean turned around, so many times as long (factor, 1)',
  // what must hold in a run that is attacked so
  holds: 'a robust rule with f declared goes on to descend, where the mean stops or climbs',
  level: 'gradient',
  // what it must be told: of own, honest, last, defence and topology
  knows: ['honest'],

  craft({ honest, out }) {
    for (let i = 0; i < out.length; i++) {
      out[i] = -factor * honest.reduce((sum, vector) => sum + vector[i] / honest.length, 0)
    }
  }
})
