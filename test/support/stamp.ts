// The same profile at another time: what a program sends every few seconds, instead of one profile
// sent again, which the server would acknowledge without storing it twice.
import { gzipSync } from 'node:zlib';
import { Writer } from '../fixtures/protobuf.ts';

/**
 * `profile`, plain or gzip, taken at `timeNs`. Field 9 is written once more at the end: the last
 * one wins, and gzip members one after the other are one stream.
 */
export function stamped(profile: Uint8Array, timeNs: bigint): Uint8Array<ArrayBuffer> {
  const tail = new Writer().number(9, timeNs).finish();
  const isGzip = profile[0] === 0x1f && profile[1] === 0x8b;
  return new Uint8Array(Buffer.concat([profile, isGzip ? gzipSync(tail) : tail]));
}
