/** What a thrown value says, whatever it is; never nothing. */
export function said(thrown: unknown): string {
  try {
    const text = String(thrown instanceof Error ? thrown.message : thrown)
    return text === '' ? 'something without a message' : text
  } catch {
    return 'something that has no text'
  }
}
