import { BLOWS } from './matrix.js'
import { matrixSuite } from './matrix-suite.js'

await matrixSuite(Object.keys(BLOWS).filter((blow) => !blow.startsWith('kill')))
