export * from '@peergrad/conformance/simulation'
