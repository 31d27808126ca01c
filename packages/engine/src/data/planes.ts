/** Channel after channel to pixel after pixel: `planes` and `pixels` hold one sample each. */
export function interleave(planes: Uint8Array, pixels: Uint8Array, channels: number): void {
  const size = planes.length / channels
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < channels; c++) pixels[channels * i + c] = planes[c * size + i] ?? 0
  }
}
