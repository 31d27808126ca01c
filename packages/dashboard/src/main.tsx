import 'uplot/dist/uPlot.min.css'
import './style.css'
import { render } from 'preact'
import { Player } from './player.js'
import { listen } from './source.js'
import { App } from './view/app.js'

// the token is a cookie now, and is to be in no history
history.replaceState(null, '', location.pathname)

const player = new Player()
const source = listen('events', (lines) => player.push(lines))
render(<App player={player} source={source} />, document.getElementById('page') as HTMLElement)
