import type { Player } from '../player.js'
import { seconds } from '../text.js'

const SPEEDS = [0.25, 0.5, 1, 2, 4, 16, 64, 256]
/** Steps of the slider by the arrow keys. */
const STEPS = 200

/** Goes through the run: at its end as it goes on, or from any time before, faster or slower than it was. */
export function Controls({ player }: { readonly player: Player }) {
  const { position, duration, playing, following, speed } = player
  const seek = (event: Event) => player.seek(Number((event.currentTarget as HTMLInputElement).value))
  const choose = (event: Event) => (speed.value = Number((event.currentTarget as HTMLSelectElement).value))
  const round = player.state.value.counted.round + 1
  const where = `${seconds(position.value)} of ${seconds(duration.value)}, round ${round}`
  return (
    <div class="controls" role="group" aria-label="Replay">
      <button type="button" onClick={() => (playing.value ? player.pause() : player.play())}>
        {playing.value ? '‖ Pause' : '▶ Play'}
      </button>
      <label class="slider">
        <span class="hidden">Time of the run</span>
        <input
          type="range"
          min="0"
          max={Math.ceil(duration.value)}
          step={Math.max(1, Math.round(duration.value / STEPS))}
          value={position.value}
          aria-valuetext={where}
          onInput={seek}
        />
      </label>
      <span class="where">{where}</span>
      <label>
        Speed{' '}
        <select value={String(speed.value)} onChange={choose}>
          {SPEEDS.map((value) => (
            <option key={value} value={String(value)}>
              {value} ×
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-pressed={following.value} onClick={() => player.follow()}>
        To the end
      </button>
    </div>
  )
}
