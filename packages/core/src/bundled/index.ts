/** All of this package, which every thread of a peer loads: as one file, where the build bundled it. */
export * from '../index.js'
