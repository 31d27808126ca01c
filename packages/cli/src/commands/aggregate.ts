import { readDocument } from '../by-hand/document.js'
import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'

const EXAMPLE = `echo '{"rule": "krum", "params": {"f": 1}, "vectors": [[1], [2], [3], [4], [50]]}' | peergrad aggregate --json`

export const aggregate: Command = {
  name: 'aggregate',
  describe:
    'Reads vectors and a rule as one JSON object on standard input and prints what the rule makes of them: to hold a rule against another library.',
  options: [],
  flags: { json: JSON_FLAG },
  examples: [
    [EXAMPLE, 'names and parameters are ours or those of ByzFL; "dtype": "float64" computes in float64'],
    ['peergrad aggregate --json < in.json', 'with "preAggregators": [{"rule": "nnm", "params": {"f": 1}}] before it']
  ],
  async run({ flags: { json } }) {
    const document = await readDocument(EXAMPLE)
    const { aggregateByHand } = await import('../aggregate/by-hand.js')
    const { output } = await aggregateByHand(document)
    if (json === true) printJson({ output })
    else print(output.map(String).join('\n'))
    return 0
  }
}
