#ifndef PEERGRAD_SHA256_H
#define PEERGRAD_SHA256_H

#include <stddef.h>

/** SHA-256 (FIPS 180-4) of the bytes, as 64 lower-case hexadecimal digits and a final zero. */
void sha256_hex(const void *bytes, size_t length, char hex[65]);

#endif
