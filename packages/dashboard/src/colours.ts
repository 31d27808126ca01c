// Okabe and Ito's colours, which the colour-blind can tell apart, darker on light and lighter on dark
const COLOURS = {
  light: ['#0072b2', '#d55e00', '#009e73', '#b0508a', '#8a6d00', '#56608f'],
  dark: ['#56b4e9', '#ff8c42', '#2fd3a2', '#e69ac6', '#f0d64a', '#aab4e8']
}
const DASHES = [[], [8, 4], [2, 3]]

export const DARK = matchMedia('(prefers-color-scheme: dark)')

function palette(): readonly string[] {
  return DARK.matches ? COLOURS.dark : COLOURS.light
}

/** Lines are told apart by colour and dashes together. */
export function lineStyle(index: number): { stroke: string; dash: number[] } {
  const colours = palette()
  return {
    stroke: colours[index % colours.length] as string,
    dash: DASHES[Math.floor(index / colours.length) % DASHES.length] as number[]
  }
}

/** Phases that are much alike have one colour; the letter in the bar tells them apart. */
const PHASE_COLOURS: Readonly<Record<string, number>> = {
  compute: 0,
  store: 3,
  average: 3,
  wait: 5,
  fetch: 1,
  aggregate: 2,
  agree: 4,
  update: 2,
  sync: 1
}

export const PHASE_LETTERS: Readonly<Record<string, string>> = {
  compute: 'C',
  store: 'S',
  average: 'M',
  wait: 'W',
  fetch: 'F',
  aggregate: 'A',
  agree: 'G',
  update: 'U',
  sync: 'Y'
}

export function phaseColour(phase: string): string {
  const colours = palette()
  return colours[
    (Object.hasOwn(PHASE_COLOURS, phase) ? (PHASE_COLOURS[phase] as number) : 5) % colours.length
  ] as string
}

/** Colours of the page that canvases need. */
export function pageColours(): { readonly text: string; readonly grid: string; readonly back: string } {
  const style = getComputedStyle(document.documentElement)
  const value = (name: string) => style.getPropertyValue(name).trim()
  return { text: value('--text'), grid: value('--grid'), back: value('--back') }
}
