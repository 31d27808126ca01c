export { attacks } from './registry.js'
export { disguiseOf } from './disguise/disguise.js'
export { namedCraft } from './disguise/named-craft.js'
