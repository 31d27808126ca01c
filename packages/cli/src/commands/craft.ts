import { readDocument } from '../by-hand/document.js'
import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'

const EXAMPLE = `echo '{"attack": "alie", "params": {"tau": 1.5}, "vectors": [[1, 2], [3, 5]]}' | peergrad craft --json`

export const craft: Command = {
  name: 'craft',
  describe:
    'Reads the vectors of honest peers and an attack as one JSON object on standard input and prints what a hostile peer would send: to hold an attack against another library.',
  options: [],
  flags: { json: JSON_FLAG },
  examples: [
    [EXAMPLE, 'names and parameters are ours or those of ByzFL; "dtype": "float64" computes in float64'],
    [
      'peergrad craft --json < in.json',
      'with "f": 2 and "defence": {"rule": "krum", "params": {"f": 2}} for an attack that is searched against a rule'
    ]
  ],
  async run({ flags: { json } }) {
    const document = await readDocument(EXAMPLE)
    const { craftByHand } = await import('../craft/by-hand.js')
    const { output } = await craftByHand(document)
    if (json === true) printJson({ output })
    else print(output.map(String).join('\n'))
    return 0
  }
}
