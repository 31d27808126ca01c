import { ADMISSIONS } from '../admission.js'
import { FAILURE_POLICIES } from '../contracts/run-manifest.js'
import { OPTIMISERS } from '../optimiser.js'
import { boolean, choice, integer, list, number, text, type Option } from './option.js'

/**
 * Every option there is: the one source of flags, run files, checks, help and docs/guide/cli.md. A key is the word on
 * the command line and in a run file.
 */
export const OPTIONS = {
  strategy: text({
    group: 'run',
    manifest: true,
    default: 'spirt',
    plugin: 'strategy',
    describe: 'architecture of exchange'
  }),
  aggregator: text({
    group: 'run',
    manifest: true,
    default: 'mean',
    plugin: 'aggregator',
    describe: 'rule that makes one vector of many'
  }),
  'pre-aggregator': list({
    group: 'run',
    manifest: true,
    placeholder: 'NAME',
    plugin: 'pre-aggregator',
    describe: 'what the vectors go through before the rule, in order'
  }),
  filter: text({
    group: 'run',
    manifest: true,
    default: 'auto',
    defaultText: "auto: the strategy's own, or none",
    plugin: 'filter',
    describe: 'which part of an update is worth sending'
  }),
  codec: text({
    group: 'run',
    manifest: true,
    default: 'f32',
    plugin: 'codec',
    describe: 'how a vector is packed for the wire'
  }),
  model: text({ group: 'run', manifest: true, default: 'cnn', plugin: 'model', describe: 'what is trained' }),
  dataset: text({
    group: 'run',
    manifest: true,
    default: 'mnist',
    plugin: 'dataset',
    describe: 'what it is trained on'
  }),
  partition: text({
    group: 'run',
    manifest: true,
    default: 'iid',
    plugin: 'partition',
    describe: 'how the samples are dealt to the peers'
  }),
  epochs: integer({ group: 'run', manifest: true, default: 1, min: 1, max: 1e6, describe: 'passes over the data' }),
  rounds: integer({
    group: 'run',
    manifest: true,
    default: 0,
    min: 0,
    max: 1e9,
    defaultText: '0: as many as the epochs need',
    describe: 'synchronisations after which the run ends'
  }),
  batch: integer({
    group: 'run',
    manifest: true,
    default: 32,
    min: 1,
    max: 65_536,
    unit: 'samples',
    describe: 'size of a minibatch'
  }),
  minibatches: integer({
    group: 'run',
    manifest: true,
    default: 4,
    min: 1,
    max: 1e6,
    describe: 'minibatches that each peer takes in one synchronisation'
  }),
  every: integer({
    group: 'run',
    manifest: true,
    default: 1,
    min: 1,
    max: 1e6,
    unit: 'steps',
    describe:
      'optimiser steps between two synchronisations: with 1 gradients are exchanged, with more models are averaged'
  }),
  optimizer: choice({
    group: 'run',
    manifest: true,
    default: 'adam',
    choices: OPTIMISERS,
    describe: 'what turns a gradient into a step'
  }),
  lr: number({ group: 'run', manifest: true, default: 0.003, above: 0, max: 1000, describe: 'learning rate' }),
  momentum: number({
    group: 'run',
    manifest: true,
    default: undefined,
    defaultText: '0.9',
    min: 0,
    below: 1,
    describe: 'share of the last step that is kept (momentum, nesterov)'
  }),
  'weight-decay': number({
    group: 'run',
    manifest: true,
    default: undefined,
    defaultText: '0; adamw 0.01',
    min: 0,
    below: 1,
    describe: 'pull of the parameters to zero, per step and unit of learning rate'
  }),
  schedule: text({
    group: 'run',
    manifest: true,
    default: 'constant',
    placeholder: 'SCHEDULE',
    describe:
      'learning rate over the optimiser steps: constant, step:every=100,factor=0.1, cosine:steps=1000; each with warmup=50'
  }),
  'worker-momentum': number({
    group: 'run',
    manifest: true,
    default: 0,
    min: 0,
    below: 1,
    describe:
      'share β of what it gave before in what each peer gives: m ← β·m + (1 − β)·gradient, which helps rules to tell hostile peers apart'
  }),
  seed: integer({
    group: 'run',
    manifest: true,
    default: 1,
    min: 0,
    max: 4_294_967_295,
    describe: 'of everything random: the same seed gives the same final hash'
  }),
  'target-accuracy': number({
    group: 'run',
    manifest: true,
    default: 0,
    min: 0,
    max: 1,
    defaultText: '0: none',
    describe: 'test accuracy at which the run ends early'
  }),
  deadline: number({
    group: 'run',
    manifest: true,
    default: 30,
    min: 0.1,
    max: 86_400,
    unit: 's',
    describe: 'how long a round waits for contributions'
  }),
  grace: number({
    group: 'run',
    manifest: true,
    default: 2,
    min: 0.1,
    max: 86_400,
    unit: 's',
    describe: 'how long after the deadline a round may take to end before another peer coordinates it'
  }),
  'on-failure': choice({
    group: 'run',
    manifest: true,
    default: 'continue',
    choices: FAILURE_POLICIES,
    describe:
      'when a peer is lost: continue without it, wait until it is back, or abort with a checkpoint; one that leaves in order is not lost'
  }),
  peers: integer({
    group: 'run',
    manifest: true,
    default: 4,
    min: 1,
    max: 1024,
    describe: 'peers that must be there before the first round; `train` starts as many. Some 650 at most over libp2p'
  }),
  'min-peers': integer({
    group: 'run',
    manifest: true,
    default: 0,
    min: 0,
    max: 1024,
    defaultText: '0: more than half of those in the view',
    describe: 'peers without which the run pauses'
  }),
  'max-norm': number({
    group: 'run',
    manifest: true,
    default: 0,
    min: 0,
    max: 1e38,
    defaultText: '0: any',
    describe:
      'largest Euclidean norm of what a peer gives in a round, or of each part of it; what is larger is left out'
  }),
  admission: choice({
    group: 'run',
    manifest: true,
    default: 'open',
    choices: ADMISSIONS,
    describe:
      'who may take part: anybody, the peers of --allow, whoever knows the secret, or whoever was invited by a peer of --allow'
  }),
  allow: list({
    group: 'run',
    manifest: true,
    placeholder: 'PEER',
    defaultText: 'with --admission invitation: this peer',
    describe: 'peer id, or a file with one a line, for --admission allow-list or invitation; repeat it for more'
  }),
  engine: text({ group: 'run', default: 'auto', describe: 'what computes gradients; `peergrad engines` lists them' }),
  store: text({
    group: 'run',
    default: 'auto',
    plugin: 'store',
    describe: "the peer's database: memory, redis, redisai, or auto",
    defaultText: 'auto: memory'
  }),
  'in-database': boolean({
    group: 'run',
    default: false,
    describe: 'refuse a run of which the database cannot average, aggregate, filter and update the vectors itself'
  }),
  'evaluate-every': integer({
    group: 'run',
    default: 50,
    min: 0,
    max: 1e9,
    unit: 'rounds',
    describe: 'how often the test accuracy is estimated, on 1,000 images; 0: only at the end, on all'
  }),
  'engine-workers': integer({
    group: 'peer',
    default: 0,
    min: 0,
    max: 1024,
    defaultText: '0: what the processors allow',
    describe: 'threads that compute gradients'
  }),
  memory: integer({
    group: 'peer',
    default: 1024,
    min: 1,
    max: 4095,
    unit: 'MiB',
    describe: 'what all vectors of a peer may use together'
  }),
  'redis-url': text({
    group: 'peer',
    default: undefined,
    placeholder: 'URL',
    defaultText: 'PEERGRAD_REDIS_URL; else --store redis starts a private redis-server for each peer',
    describe:
      'a server for --store redis or redisai: redis://[user:password@]host[:port], rediss:// for TLS, or unix:/path.sock'
  }),
  'checkpoint-every': integer({
    group: 'peer',
    default: 100,
    min: 0,
    max: 1e9,
    unit: 'rounds',
    describe: 'how often a checkpoint is written while the run goes on; the newest 3 are kept; 0: only at the end'
  }),
  resume: text({
    group: 'peer',
    default: undefined,
    placeholder: 'PATH',
    defaultText: 'none: the run starts anew',
    describe:
      'go on from a checkpoint: the directory of a run that `train` wrote, or for one peer its directory or a checkpoint file'
  }),
  'data-dir': text({
    group: 'peer',
    default: undefined,
    placeholder: 'DIR',
    defaultText: 'peergrad in XDG_CACHE_HOME, else ~/.cache/peergrad',
    describe: 'where data sets are kept once fetched, and the keys of the peers of this machine'
  }),
  data: text({
    group: 'peer',
    default: undefined,
    placeholder: 'DIR',
    defaultText: 'where the run says',
    describe: "where this machine has the files of the run's data set, in the place of its dir=DIR"
  }),
  stream: boolean({
    group: 'peer',
    default: false,
    describe:
      'read the samples of each minibatch from the files of the data set, instead of all of them into memory at the start'
  }),
  join: list({
    group: 'peer',
    placeholder: 'MULTIADDR',
    describe:
      'address of any peer of the run; repeat it for more. Without /p2p/ and its id at the end whoever answers there is joined'
  }),
  'run-id': text({
    group: 'peer',
    default: undefined,
    placeholder: 'ID',
    describe:
      'the run to join, by the first digits of its id (16 at least): what runs at --join is refused if it is another'
  }),
  listen: list({ group: 'peer', placeholder: 'MULTIADDR', describe: 'address to listen on; repeat it for more' }),
  port: integer({
    group: 'peer',
    default: 0,
    min: 0,
    max: 65_535,
    defaultText: '0: any free one',
    describe: 'TCP port to listen on, on every interface'
  }),
  patience: number({
    group: 'peer',
    default: 300,
    min: 0.1,
    max: 1e6,
    unit: 's',
    describe:
      'how long to wait for other peers: for the run and its first round, while too few are here, and for the state when it has to be taken; an address after --join where nobody listens is tried three times within a second and not waited for'
  }),
  identity: text({
    group: 'peer',
    default: undefined,
    placeholder: 'FILE',
    defaultText: 'identity.key in --data-dir; while a peer here runs with that, identity-2.key …',
    describe:
      "the peer's key: made when it is not there; a peer that comes back with its key is the same peer, and two that run at once cannot have one key"
  }),
  'secret-file': text({
    group: 'peer',
    default: undefined,
    placeholder: 'FILE',
    defaultText: 'PEERGRAD_SECRET',
    describe: 'file with the secret for --admission secret, at least 16 characters; it is never sent'
  }),
  invitation: text({
    group: 'peer',
    default: undefined,
    placeholder: 'TEXT',
    describe: 'what `peergrad invite` printed, for a run with --admission invitation'
  }),
  mdns: boolean({ group: 'peer', default: false, describe: 'look for peers on the local network' }),
  upnp: boolean({
    group: 'peer',
    default: false,
    describe: 'ask the router to let dials to this peer in (UPnP): it need not relay then'
  }),
  dht: boolean({
    group: 'peer',
    default: false,
    describe:
      'keep a part of a hash table (Kademlia) in which peers find the others of their run: for more than some 30'
  }),
  relay: choice({
    group: 'peer',
    default: 'auto',
    choices: ['auto', 'on', 'off'],
    describe:
      'whom this peer relays for, where others can dial it: peers of peergrad (auto), anybody (on), nobody (off: then it uses no relay either)'
  }),
  via: list({
    group: 'peer',
    placeholder: 'MULTIADDR',
    describe: 'address of a relay to be reached through, for a first peer that nobody can dial'
  }),
  'log-level': choice({
    group: 'peer',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    describe: "what goes into the peer's log"
  }),
  'log-file': text({
    group: 'peer',
    default: undefined,
    placeholder: 'FILE',
    defaultText: 'peer.log in --out',
    describe:
      'where the log goes, one JSON object a line; - is standard error, in the place of the progress unless that is a terminal'
  }),
  metrics: text({
    group: 'peer',
    default: undefined,
    placeholder: 'HOST:PORT',
    defaultText: 'none; 127.0.0.1 when only a port is given',
    describe:
      'serve /metrics for Prometheus, /healthz and /readyz there; with `train` each peer has a port of its own, from this one up'
  }),
  out: text({
    group: 'peer',
    default: undefined,
    placeholder: 'DIR',
    defaultText: 'runs/ and the time',
    describe: 'where the result, events, logs and checkpoints go'
  })
}

export type OptionName = keyof typeof OPTIONS

/** The value of every option, by its word. */
export type Options = { readonly [K in OptionName]: (typeof OPTIONS)[K] extends Option<infer T> ? T : never }

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[]

export const isOptionName = (word: string): word is OptionName => Object.hasOwn(OPTIONS, word)
