import * as z from '../bundled/zod.js'
import { bytes, members, MEMBERS_LIMIT, peer, round } from './proposal.js'

const viewChange = z.strictObject({ round, members })
/** Where in the data a run is: the view changes of this epoch, from which every peer's unread samples follow. */
const dataPosition = z.strictObject({
  epoch: z.int().min(0),
  start: round,
  changes: z.array(viewChange).min(1).max(4096)
})
export type DataPosition = z.infer<typeof dataPosition>

/** The same as it travels: each name once, and of each view change the places of its members among them, u16, little-endian. */
const packedPosition = z.strictObject({
  epoch: z.int().min(0),
  start: round,
  peers: z
    .array(peer)
    .min(1)
    .max(4 * MEMBERS_LIMIT),
  changes: z.array(z.strictObject({ round, places: bytes(2 * MEMBERS_LIMIT) })).max(4096)
})
export const wirePosition = packedPosition.transform(unpackPosition).pipe(dataPosition)

export function packPosition({ epoch, start, changes }: DataPosition): z.infer<typeof packedPosition> {
  const peers = [...new Set(changes.flatMap(({ members }) => members))]
  const place = new Map(peers.map((peer, at) => [peer, at]))
  const packed = changes.map(({ round, members }) => {
    const places = new Uint8Array(2 * members.length)
    const view = new DataView(places.buffer)
    members.forEach((peer, at) => view.setUint16(2 * at, place.get(peer) as number, true))
    return { round, places }
  })
  return { epoch, start, peers, changes: packed }
}

/** A place that nobody has is left undefined, for `dataPosition` to refuse. */
function unpackPosition({ epoch, start, peers, changes }: z.infer<typeof packedPosition>) {
  const unpacked = changes.map(({ round, places }) => {
    const view = new DataView(places.buffer, places.byteOffset, places.byteLength)
    const members = Array.from({ length: places.byteLength >> 1 }, (_, at) => peers[view.getUint16(2 * at, true)])
    return { round, members }
  })
  return { epoch, start, changes: unpacked }
}
