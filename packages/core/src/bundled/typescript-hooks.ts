export * from '../plugins/typescript-hooks.js'
