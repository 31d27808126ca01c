import { useSignal } from '@preact/signals'
import type { Player } from '../player.js'
import type { Source } from '../source.js'
import { Contribution } from './contribution.js'
import { Controls } from './controls.js'
import { Curves } from './curves.js'
import { Happenings } from './happenings.js'
import { Header } from './header.js'
import { Matrix } from './matrix.js'
import { Parts } from './parts.js'
import { Peers } from './peers.js'
import { Swarm } from './swarm.js'
import { Timeline } from './timeline.js'

export function App({ player, source }: { readonly player: Player; readonly source: Source }) {
  const selected = useSignal<string | undefined>(undefined)
  return (
    <>
      <a class="skip" href="#main">
        To the peers
      </a>
      <Header player={player} source={source} />
      <Controls player={player} />
      <main id="main">
        <Peers player={player} selected={selected} />
        <Swarm player={player} selected={selected} />
        <Happenings player={player} />
        <Timeline player={player} />
        <Curves player={player} />
        <Matrix player={player} />
        <Contribution player={player} selected={selected} />
        <Parts player={player} />
      </main>
    </>
  )
}
