// JFR, which Java agents send unless they are told otherwise. Owns how it is recognised and what
// their users are told.
import { Refusal } from './errors.ts';

const magic = [0x46, 0x4c, 0x52, 0];

/** True for the first bytes of a recording. */
export function isJfr(body: Uint8Array): boolean {
  return magic.every((byte, i) => body[i] === byte);
}

/** The answer to a recording. */
export function jfrRefusal(): Refusal {
  const file = 'send what jfrconv -o pprof makes of the recording with format=pprof';
  return new Refusal(415, 'unimplemented', `jfr is not supported: ${file}`);
}
