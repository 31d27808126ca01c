import { inputLine, outputGradientLine, outputLine } from './winograd-lines'

/** Products of a tile: its six by six inputs. */
export const PRODUCTS: i32 = 36
/** Outputs of a tile are four by four. */
export const SIDE: i32 = 4
/** Bytes of the addresses of a tile's 36 inputs, and of a transform between columns and rows. */
export const TABLE_BYTES: usize = 144
export const PLANE_BYTES: usize = 576
/** Bytes of a Plane, rounded up to a vector. */
export const HEADER: usize = 48

/** Images of a Winograd convolution and where its tiles lie on them. */
@unmanaged
export class Plane {
  batch: i32
  inHeight: i32
  inWidth: i32
  inChannels: i32
  outHeight: i32
  outWidth: i32
  outChannels: i32
  padTop: i32
  padLeft: i32
}

// @ts-ignore: decorator
@inline
function across(p: Plane): i32 {
  return (p.outWidth + SIDE - 1) / SIDE
}

// @ts-ignore: decorator
@inline
function down(p: Plane): i32 {
  return (p.outHeight + SIDE - 1) / SIDE
}

export function tileCount(p: Plane): i32 {
  return p.batch * across(p) * down(p)
}

/** Writes the addresses of the six by six inputs of a tile; those outside the image are `zeros`. */
export function inputAddresses(p: Plane, x: usize, tile: i32, zeros: usize, table: usize): void {
  const perRow = across(p)
  const perImage = perRow * down(p)
  const n = tile / perImage
  const rest = tile - n * perImage
  const top = (rest / perRow) * SIDE - p.padTop
  const left = (rest % perRow) * SIDE - p.padLeft
  const pixel = (<usize>p.inChannels) << 2
  for (let i = 0; i < 6; i++) {
    const h = top + i
    const row = x + (<usize>((n * p.inHeight + h) * p.inWidth)) * pixel
    for (let j = 0; j < 6; j++) {
      const w = left + j
      const inside = <u32>h < <u32>p.inHeight && <u32>w < <u32>p.inWidth
      store<u32>(table, inside ? row + (<usize>w) * pixel : zeros)
      table += 4
    }
  }
}

/** Writes the addresses of the four by four outputs of a tile; those outside the image are `outside`. */
export function outputAddresses(p: Plane, y: usize, tile: i32, outside: usize, table: usize): void {
  const perRow = across(p)
  const perImage = perRow * down(p)
  const n = tile / perImage
  const rest = tile - n * perImage
  const top = (rest / perRow) * SIDE
  const left = (rest % perRow) * SIDE
  const pixel = (<usize>p.outChannels) << 2
  for (let i = 0; i < SIDE; i++) {
    const h = top + i
    for (let j = 0; j < SIDE; j++) {
      const w = left + j
      const inside = h < p.outHeight && w < p.outWidth
      store<u32>(table, inside ? y + (<usize>((n * p.outHeight + h) * p.outWidth + w)) * pixel : outside)
      table += 4
    }
  }
}

/** Loads four channels, `offset` bytes on, of entry `index` of a table of addresses. */
// @ts-ignore: decorator
@inline
function at(table: usize, index: i32, offset: usize): v128 {
  return v128.load(<usize>load<u32>(table + (index << 2)) + offset)
}

/** Bᵀ d B of four channels to 36 places `step` bytes apart. */
export function transformInput(table: usize, offset: usize, plane: usize, to: usize, step: usize): void {
  for (let j = 0; j < 6; j++) {
    inputLine(
      at(table, j, offset), at(table, j + 6, offset), at(table, j + 12, offset), at(table, j + 18, offset),
      at(table, j + 24, offset), at(table, j + 30, offset), plane + (j << 4), 96,
    )
  }
  for (let i = 0; i < 6; i++) {
    inputLine(
      v128.load(plane), v128.load(plane, 16), v128.load(plane, 32), v128.load(plane, 48), v128.load(plane, 64),
      v128.load(plane, 80), to, step,
    )
    plane += 96
    to += 6 * step
  }
}

/** Aᵀ m A of four channels from 36 places `step` bytes apart to the sixteen addresses of a table. */
export function transformOutput(from: usize, step: usize, plane: usize, table: usize, offset: usize): void {
  const line = 6 * step
  for (let j = 0; j < 6; j++) {
    const out = plane + (j << 4)
    outputLine(
      v128.load(from), v128.load(from + line), v128.load(from + 2 * line), v128.load(from + 3 * line),
      v128.load(from + 4 * line), v128.load(from + 5 * line), out, out + 96, out + 192, out + 288,
    )
    from += step
  }
  for (let i = 0; i < SIDE; i++) {
    outputLine(
      v128.load(plane), v128.load(plane, 16), v128.load(plane, 32), v128.load(plane, 48), v128.load(plane, 64),
      v128.load(plane, 80), <usize>load<u32>(table) + offset, <usize>load<u32>(table, 4) + offset,
      <usize>load<u32>(table, 8) + offset, <usize>load<u32>(table, 12) + offset,
    )
    plane += 96
    table += 16
  }
}

/** A dy Aᵀ of four channels from the sixteen addresses of a table to 36 places `step` bytes apart. */
export function transformOutputGradient(table: usize, offset: usize, plane: usize, to: usize, step: usize): void {
  for (let j = 0; j < SIDE; j++) {
    outputGradientLine(
      at(table, j, offset), at(table, j + 4, offset), at(table, j + 8, offset), at(table, j + 12, offset),
      plane + (j << 4), 64,
    )
  }
  for (let i = 0; i < 6; i++) {
    outputGradientLine(v128.load(plane), v128.load(plane, 16), v128.load(plane, 32), v128.load(plane, 48), to, step)
    plane += 64
    to += 6 * step
  }
}
