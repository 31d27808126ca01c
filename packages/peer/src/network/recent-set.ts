/** A set with room for so many: those that were added first give way. */
export class RecentSet<T> extends Set<T> {
  readonly #room: number

  constructor(room: number) {
    super()
    this.#room = room
  }

  override add(value: T): this {
    super.add(value)
    const [oldest] = this
    if (this.size > this.#room) this.delete(oldest)
    return this
  }
}
