// The 64-bit fingerprint of a label set, as Pyroscope computes it: XXH64 (seed 0) over
// `name 0xFF value 0xFF` of every label in order. A hint for joins across blocks, never an
// identity: series are told apart by their labels.
import xxhash from 'xxhash-wasm';
import type { Labels } from './labels.ts';

export type Fingerprint = (labels: Labels) => bigint;

const separator = 0xff;

/** Resolves to the function, once the hash's WebAssembly is ready. */
export async function createFingerprint(): Promise<Fingerprint> {
  const { h64Raw } = await xxhash();
  const encoder = new TextEncoder();
  return (labels) => {
    const parts = labels.flatMap((label) => [
      encoder.encode(label.name),
      encoder.encode(label.value),
    ]);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 1, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
      bytes[at++] = separator;
    }
    return h64Raw(bytes);
  };
}
