export { uPnPNAT } from '@libp2p/upnp-nat'
