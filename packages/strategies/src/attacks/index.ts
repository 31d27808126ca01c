export { attacks } from './registry.js'
export { disguiseOf } from './disguise/disguise.js'
