/** Numbers as people read them, here and on the dashboard. */
export { bytes, duration as seconds } from '@peergrad/dashboard'

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(2)} %`
}

export function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
