/** Milliseconds that a server keeps what a peer wrote there and then never came back to; its store deletes far sooner. */
export const LIFETIME = 24 * 3600 * 1000

/** Milliseconds after which a peer asks for another lifetime of all that it has there: three in a row may fail. */
export const RENEWAL = LIFETIME / 4
