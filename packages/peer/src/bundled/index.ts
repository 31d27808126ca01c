/** All of this package: as few files, where the build bundled it. */
export * from '../index.js'
