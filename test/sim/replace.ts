export { replace } from '@peergrad/conformance/simulation'
