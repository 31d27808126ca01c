import type { Part, Span } from './part.js'

/** 32-bit words of one entry in an index of parts: the number of the part's words, and the 32 bytes of its digest. */
export const INDEX_ENTRY_WORDS = 9

/** Entries of one page. */
export const INDEX_PAGE = 64

/**
 * The page of an index that lists a part: which one of how many, and the parts that it lists. Several pages are listed by an
 * index of their own, and so on: of a vector in n parts who needs one part reads a few pages, not n entries.
 */
export function pageOf({ index, of }: Part): { readonly page: Part; readonly lists: Span } {
  const page = { index: Math.floor(index / INDEX_PAGE), of: Math.ceil(of / INDEX_PAGE) }
  const offset = page.index * INDEX_PAGE
  return { page, lists: { offset, length: Math.min(INDEX_PAGE, of - offset) } }
}

/** Bytes of the index that are read for one part. */
export function indexBytes(part: Part): number {
  const { page, lists } = pageOf(part)
  return lists.length * INDEX_ENTRY_WORDS * 4 + (page.of === 1 ? 0 : indexBytes(page))
}
