import { signal } from '@preact/signals'
import { EventLog } from './log.js'
import { Painters, type Painting } from './painters.js'
import { parseEvent } from './parse.js'
import { EMPTY, type RunState } from './state/state.js'

/** Milliseconds of one frame in which lines are read. */
const READING = 5
/** Milliseconds between two states that tables are made of. */
const SLOW = 200

/**
 * A run as it is seen: at its end as it goes on, or at any time before, which moves on at any speed. All that comes
 * within one frame is one change.
 */
export class Player {
  readonly log = new EventLog()
  /** the state that is seen, for tables: new a few times a second */
  readonly state = signal<RunState>(EMPTY)
  /** milliseconds of the run that are seen */
  readonly position = signal(0)
  readonly duration = signal(0)
  /** stays at the end of what is known */
  readonly following = signal(true)
  readonly playing = signal(false)
  /** 1 is as fast as it was */
  readonly speed = signal(1)
  /** lines that are no events */
  readonly unreadable = signal(0)
  readonly #painters = new Painters()
  readonly #lines: string[] = []
  #read = 0
  #at: { count: number; state: RunState } = { count: 0, state: EMPTY }
  #exact = 0
  /** for a frame */
  #waiting = false
  #before: number | undefined
  #slow = -Infinity

  /** Lines of events.ndjson, as they come. */
  push(lines: readonly string[]): void {
    for (const line of lines) this.#lines.push(line)
    this.wake()
  }

  /** Calls `paint` with the state of the position, in a frame, when it is another one. */
  onPaint(painter: Painting): () => void {
    this.wake()
    return this.#painters.add(painter)
  }

  /** All painters paint once more. */
  repaint(): void {
    this.#painters.invalidate()
    this.wake()
  }

  play(): void {
    if (this.#exact >= this.log.duration) this.#exact = 0
    this.following.value = false
    this.playing.value = true
    this.wake()
  }

  pause(): void {
    this.playing.value = false
    this.following.value = false
  }

  follow(): void {
    this.playing.value = false
    this.following.value = true
    this.wake()
  }

  seek(position: number): void {
    this.following.value = false
    this.#exact = Math.max(0, Math.min(position, this.log.duration))
    this.wake()
  }

  wake(): void {
    if (this.#waiting) return
    this.#waiting = true
    requestAnimationFrame((now) => this.#onFrame(now))
  }

  #onFrame(now: number): void {
    this.#waiting = false
    this.#readLines()
    if (this.playing.value) this.#advance(now - (this.#before ?? now))
    if (this.following.value) this.#exact = this.log.duration
    this.#before = this.playing.value ? now : undefined
    this.#show(now)
    const painted = this.#painters.paint(this.#at.state, this.#exact, now)
    const shown = this.state.value === this.#at.state && this.position.value === this.#exact
    if (this.playing.value || this.#lines.length > 0 || !painted || !shown) this.wake()
  }

  #readLines(): void {
    const until = performance.now() + READING
    while (this.#read < this.#lines.length && performance.now() < until) {
      for (const line of this.#lines.slice(this.#read, this.#read + 50)) {
        const event = parseEvent(line)
        if (event === undefined) this.log.refused += 1
        else this.log.append(event)
      }
      this.#read += 50
    }
    if (this.#read < this.#lines.length) return
    this.#lines.length = 0
    this.#read = 0
  }

  #advance(elapsed: number): void {
    this.#exact += elapsed * this.speed.value
    if (this.#exact < this.log.duration) return
    this.#exact = this.log.duration
    this.playing.value = false
  }

  /** Goes to the state at the position; tables hear of it less often. */
  #show(now: number): void {
    const count = this.log.countAt(this.#exact)
    if (count !== this.#at.count || count === this.log.length) {
      this.#at = { count, state: this.log.stateAt(count, this.#at) }
    }
    if (now - this.#slow < SLOW) return
    this.#slow = now
    this.state.value = this.#at.state
    this.position.value = this.#exact
    this.duration.value = this.log.duration
    this.unreadable.value = this.log.refused
  }
}
