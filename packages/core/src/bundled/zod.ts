/** Of zod what messages and files are checked with: all of it takes each thread of a peer a tenth of a second to load. */
export {
  array,
  boolean,
  custom,
  discriminatedUnion,
  enum,
  instanceof,
  int,
  literal,
  number,
  strictObject,
  string,
  tuple
} from 'zod'
export type { infer, ZodType } from 'zod'
