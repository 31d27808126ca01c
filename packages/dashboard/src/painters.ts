import { EMPTY, type RunState } from './state/state.js'

/** Milliseconds of one frame in which canvases are painted. */
const PAINTING = 6

export interface Painting {
  readonly paint: (state: RunState, position: number) => void
  /** milliseconds between two paintings at least */
  readonly every: number
  /** what nobody sees is not painted; whoever makes it seen wakes the player */
  readonly seen: () => boolean
}

interface Painter extends Painting {
  /** when it painted last */
  at: number
  state: RunState
  position: number
}

/** Canvases that show the state, each as often as it asks for and as frames have time; none waits for ever. */
export class Painters {
  readonly #painters = new Set<Painter>()

  add({ paint, every, seen }: Painting): () => void {
    const painter: Painter = { paint, every, seen, at: -Infinity, state: EMPTY, position: -1 }
    this.#painters.add(painter)
    return () => this.#painters.delete(painter)
  }

  invalidate(): void {
    for (const painter of this.#painters) painter.position = -1
  }

  /** Paints what is due and can be seen, the longest waiting first. Returns whether all that can be seen show this state. */
  paint(state: RunState, position: number, now: number): boolean {
    const stale = [...this.#painters].filter(
      (each) => each.seen() && (each.state !== state || each.position !== position)
    )
    const due = stale.filter(({ at, every }) => now - at >= every).sort((a, b) => a.at - b.at)
    const until = performance.now() + PAINTING
    let painted = 0
    for (const painter of due) {
      painter.paint(state, position)
      Object.assign(painter, { at: now, state, position })
      painted += 1
      if (performance.now() > until) break
    }
    return painted === stale.length
  }
}
