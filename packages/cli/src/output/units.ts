/** Numbers as people read them. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit]}`
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(2)} %`
}

export function seconds(count: number): string {
  if (count < 60) return `${count.toFixed(1)} s`
  const minutes = Math.floor(count / 60)
  return `${minutes} min ${Math.round(count - minutes * 60)} s`
}

export function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
