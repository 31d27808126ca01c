export { generateCertificate, verifyPeerCertificate } from '@libp2p/tls/utils'
