import { workerData } from 'node:worker_threads'
import { helpTeam } from '@peergrad/core'

/** A thread of a team of kernels. */
helpTeam(workerData as Parameters<typeof helpTeam>[0])
