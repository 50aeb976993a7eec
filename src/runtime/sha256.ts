// SHA-256 by node:crypto, which Node, Bun and Deno all have: without a turn of the event loop, as
// WebCrypto takes one, and a key is checked before anything else is done for a request.
import { createHash } from 'node:crypto';

/** The 32 bytes of the digest. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
