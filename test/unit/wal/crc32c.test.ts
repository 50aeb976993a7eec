// The checksum against published values and against the definition, bit by bit.
import { expect, it } from 'vitest';
import { crc32c } from '../../../src/wal/crc32c.ts';
import { createRandom } from '../../fixtures/random.ts';

// https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4, and the check value of the CRC catalogues.
const published: [string, Uint8Array, number][] = [
  ['nothing', new Uint8Array(0), 0],
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending', Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  ['32 descending', Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
  ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
];

it.each(published)('knows the sum of %s', (_name, bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
});

it('agrees with the definition at every alignment and length', () => {
  const random = createRandom(7);
  const bytes = Uint8Array.from({ length: 90 }, () => random.below(256));
  for (let from = 0; from < 9; from++) {
    for (let to = from; to <= bytes.length; to++) {
      const part = bytes.subarray(from, to);
      expect(crc32c(part)).toBe(bitwise(part));
    }
  }
});

function bitwise(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  }
  return ~sum >>> 0;
}
