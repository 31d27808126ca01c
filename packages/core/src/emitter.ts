/** Typed events without a dependency on node: or the DOM. Listeners are called in the order they were added. */
export class Emitter<Events extends Record<string, unknown>> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  /** Returns what removes the listener. */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    let listeners = this.#listeners.get(type)
    if (listeners === undefined) this.#listeners.set(type, (listeners = new Set()))
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of this.#listeners.get(type) ?? []) (listener as (event: Events[K]) => void)(event)
  }
}
