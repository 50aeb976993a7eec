// The row count in a Parquet footer: found in whole files, refused in damaged ones.
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { readFooter } from '../../../src/block/footer.ts';

const golden = new URL('../../golden/block/01J0GMDEN00000000000000000/', import.meta.url);
const bytes = new Uint8Array(await readFile(new URL('locations.parquet', golden)));
const corrupt = (message: string) => expect.objectContaining({ kind: 'corrupt', message });

it('reads rows and size from the tail of a file with nested columns', () => {
  const footer = readFooter(bytes);
  expect(footer.rows).toBe(20);
  expect(readFooter(bytes.subarray(bytes.length - footer.bytes))).toEqual(footer);
});

it('refuses a tail that does not hold the whole footer', () => {
  const { bytes: size } = readFooter(bytes);
  expect(() => readFooter(bytes.subarray(bytes.length - size + 1))).toThrow(
    corrupt(`parquet footer is ${size - 8} bytes, only ${size - 9} are at hand`),
  );
});

it('refuses a file that was cut short or is something else', () => {
  expect(() => readFooter(bytes.subarray(0, bytes.length - 1))).toThrow(/^parquet file ends in/);
  expect(() => readFooter(new Uint8Array())).toThrow(corrupt('parquet file ends in "", not PAR1'));
  expect(() => readFooter(new TextEncoder().encode('PAR1'))).toThrow(/^parquet file ends in/);
});

it('ends with a failure, whatever is in the footer', () => {
  const { bytes: size } = readFooter(bytes);
  const tail = bytes.slice(bytes.length - size);
  for (let at = 0; at < size - 8; at++) {
    for (const value of [0, 0x0c, 0x19, 0x7f, 0xff]) {
      const damaged = tail.with(at, value);
      try {
        expect(readFooter(damaged).bytes).toBe(size);
      } catch (error) {
        expect(error).toMatchObject({ name: 'Failure', kind: 'corrupt' });
      }
    }
  }
});
