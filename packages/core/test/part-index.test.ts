import { describe, expect, it } from 'vitest'
import { INDEX_ENTRY_WORDS, INDEX_PAGE, indexBytes, pageOf, type Part } from '../src/index.js'

const entry = 4 * INDEX_ENTRY_WORDS
const all = (of: number) => Array.from({ length: of }, (_, index): Part => ({ index, of }))

describe('the pages of an index', () => {
  it.each([1, 2, 63, 64, 65, 128, 1000, 4097])('list each of %i parts once, in order', (of) => {
    const listed = all(of).map((part) => {
      const { page, lists } = pageOf(part)
      expect(lists.offset + (part.index % INDEX_PAGE)).toBe(part.index)
      expect(part.index).toBeLessThan(lists.offset + lists.length)
      return page
    })
    const pages = [...new Map(listed.map((page) => [page.index, page])).values()]
    expect(pages).toEqual(all(pages.length))
    const lengths = pages.map(({ index }) => pageOf({ index: index * INDEX_PAGE, of }).lists.length)
    expect(lengths.reduce((sum, length) => sum + length)).toBe(of)
  })

  it('are one up to 64 parts, and two are read for one of more, three for one of more than 4,096', () => {
    expect(indexBytes({ index: 63, of: 64 })).toBe(64 * entry)
    expect(indexBytes({ index: 0, of: 65 })).toBe((64 + 2) * entry)
    expect(indexBytes({ index: 64, of: 65 })).toBe((1 + 2) * entry)
    expect(indexBytes({ index: 0, of: 4097 })).toBe((64 + 64 + 2) * entry)
    expect(indexBytes({ index: 4096, of: 4097 })).toBe((1 + 1 + 2) * entry)
  })
})
