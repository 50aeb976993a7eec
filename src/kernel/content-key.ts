// The content key of a profile: XXH3-128 (seed 0) over a prefix and the bytes that were scanned,
// which lie in the kernel already. Owns the hashing calls; what belongs into the prefix is the
// caller's business, and so is to make it unambiguous.
import { assert } from '../errors.ts';
import type { Kernel } from './kernel.ts';

/** Room that the kernel keeps directly before its input; `PREFIX_BYTES_MAX` in `wasm/layout.ts`. */
export const prefixBytesMax = 4096;
const keyBytes = 16;

/** Exports of `wasm/xxh3.ts` and `wasm/input.ts`; addresses come back signed. */
interface HashExports {
  inputPointer(): number;
  inputLength(): number;
  hash128At(at: number, length: number): number;
  hashBuffer(length: number): number;
  hashBufferRelease(at: number, length: number): void;
}

/**
 * The 16 bytes of the key, in canonical (big-endian) form, of the profile that was scanned last in
 * this kernel, before or after its append. A prefix of more than `prefixBytesMax` bytes counts by
 * its own 16-byte hash instead, so labels of any size have a key.
 */
export function contentKey(kernel: Kernel, prefix: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = prefix.length > prefixBytesMax ? hash128(kernel, prefix) : prefix;
  const calls = kernel.exports as unknown as HashExports;
  const input = kernel.call(() => calls.inputPointer()) >>> 0;
  assert(input !== 0, 'content key without a scanned profile');
  const length = kernel.call(() => calls.inputLength()) >>> 0;
  kernel.u8().set(head, input - head.length);
  return keyAt(kernel, calls, input - head.length, head.length + length);
}

/** XXH3-128 of any bytes, in canonical form. Throws `unavailable` when there is no memory. */
export function hash128(kernel: Kernel, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const calls = kernel.exports as unknown as HashExports;
  const at = kernel.check(kernel.call(() => calls.hashBuffer(bytes.length)));
  kernel.u8().set(bytes, at);
  const key = keyAt(kernel, calls, at, bytes.length);
  kernel.call(() => calls.hashBufferRelease(at, bytes.length));
  return key;
}

function keyAt(kernel: Kernel, calls: HashExports, at: number, length: number) {
  const result = kernel.call(() => calls.hash128At(at, length)) >>> 0;
  return kernel.u8().slice(result, result + keyBytes);
}
