import uPlot from 'uplot'
import { DARK } from '../colours.js'

export interface ChartInit {
  readonly host: HTMLElement
  /** made anew when the theme changes or `remake` is called */
  readonly options: (width: number) => uPlot.Options
  readonly data: () => uPlot.AlignedData
  /** it is empty, or was not seen for a while, until it is painted */
  readonly onStale: () => void
}

/** A chart of uPlot that is as wide as its place, and in the colours of the theme. */
export class Chart {
  readonly #init: ChartInit
  readonly #resized: ResizeObserver
  readonly #appeared: IntersectionObserver
  #seen = false
  #plot: uPlot | undefined

  constructor(init: ChartInit) {
    this.#init = init
    this.#resized = new ResizeObserver(() => {
      const { plot } = this
      const width = init.host.clientWidth
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height })
    })
    this.#resized.observe(init.host)
    this.#appeared = new IntersectionObserver((entries) => {
      this.#seen = entries.at(-1)?.isIntersecting ?? false
      if (this.#seen) init.onStale()
    })
    this.#appeared.observe(init.host)
    DARK.addEventListener('change', this.remake)
  }

  /** Whether any of it is in the window. */
  readonly seen = (): boolean => this.#seen

  get plot(): uPlot {
    if (this.#plot === undefined) {
      const { host, options, data, onStale } = this.#init
      this.#plot = new uPlot(options(Math.max(200, host.clientWidth)), data(), host)
      onStale()
    }
    return this.#plot
  }

  readonly remake = (): void => {
    this.#plot?.destroy()
    this.#plot = undefined
    void this.plot
  }

  close(): void {
    this.#resized.disconnect()
    this.#appeared.disconnect()
    DARK.removeEventListener('change', this.remake)
    this.#plot?.destroy()
  }
}
