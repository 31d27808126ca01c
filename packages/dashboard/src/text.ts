/** Characters of a text that are shown. */
const MOST = 300

/** A text with characters that control a terminal or the direction of writing made visible. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
}

/** A text that a peer gave, to be shown: visible, and cut. (The page puts it into text nodes only, so it is no markup.) */
export function shown(text: unknown, most = MOST): string {
  const whole = typeof text === 'string' ? text : String(text)
  const start = visible(whole.slice(0, most))
  return whole.length > most ? `${start}…` : start
}

/** A peer's id as a name: libp2p ids are told apart by their end. */
export function shortName(id: string): string {
  const text = shown(id)
  return text.length <= 12 ? text : `…${shown(id.slice(-6))}`
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit]}`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

/** A time in seconds. */
export function duration(count: number): string {
  // 59.96 s would be 60.0 s
  if (count < 59.95) return `${count.toFixed(1)} s`
  const whole = Math.round(count)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

export function seconds(milliseconds: number): string {
  return duration(milliseconds / 1000)
}
