export { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
