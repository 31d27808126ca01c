import { PeergradError } from '@peergrad/core'
import { PNG } from 'pngjs'

import { CIFAR_CLASSES, CIFAR_VALUES } from './cifar.js'

/** pixels of one image */
const PIXELS = 1024

/**
 * Decodes PNG files whose rows are images of 1,024 RGB pixels, one file after the other, to `into`. Error `corrupt`
 * when a file is no such PNG, or all of them are not as many images as `into` holds.
 */
export function decodeRows(files: readonly { name: string; png: Buffer }[], into: Uint8Array): void {
  let offset = 0
  for (const { name, png } of files) {
    const { width, height, data } = decode(name, png)
    const bytes = height * CIFAR_VALUES
    if (width !== PIXELS || offset + bytes > into.length) {
      const left = (into.length - offset) / CIFAR_VALUES
      const message = `${name}: got ${width} × ${height} pixels, expected rows of ${PIXELS}, at most ${left} of them`
      throw new PeergradError('corrupt', message, { name })
    }
    for (let pixel = 0; pixel < width * height; pixel++) {
      into[offset++] = data[4 * pixel] ?? 0
      into[offset++] = data[4 * pixel + 1] ?? 0
      into[offset++] = data[4 * pixel + 2] ?? 0
    }
  }
  if (offset === into.length) return
  const message = `data: got ${offset / CIFAR_VALUES} images, expected ${into.length / CIFAR_VALUES}`
  throw new PeergradError('corrupt', message)
}

/** A JSON list of `count` class numbers. Error `corrupt`. */
export function parseLabels(name: string, json: Buffer, count: number): number[] {
  const labels = parse(json)
  const right = (label: unknown) => Number.isInteger(label) && Number(label) >= 0 && Number(label) < CIFAR_CLASSES
  if (Array.isArray(labels) && labels.length === count && labels.every(right)) return labels as number[]
  const got = Array.isArray(labels) ? `${labels.length} values` : 'no list'
  throw new PeergradError('corrupt', `${name}: got ${got}, expected a list of ${count} classes below ${CIFAR_CLASSES}`)
}

function decode(name: string, png: Buffer): PNG {
  try {
    return PNG.sync.read(png)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PeergradError('corrupt', `${name}: got ${png.length} bytes that are no PNG (${why})`, { name }, { cause })
  }
}

function parse(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString())
  } catch {
    return undefined
  }
}
