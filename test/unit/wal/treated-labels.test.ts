// What a record with a right checksum may still say wrongly of its labels: every length is held to
// the bytes that are there, and what does not add up is `corrupt`, never another error or a guess.
import { describe, expect, it } from 'vitest';
import { plainTreatment } from '../../../src/model/treatment.ts';
import { formatVersion, type RecordHead, treatedVersion } from '../../../src/wal/record.ts';
import { decodeTreatedLabels, encodeTreatedLabels } from '../../../src/wal/treated-labels.ts';
import { walRecord } from '../../support/segment-log.ts';

const labels = [
  { name: 'service_name', value: 'shop' },
  { name: 'größe', value: '' },
];
const treatment = { ...plainTreatment, stackDepthMax: 7, foldedLabels: ['thread', 'größe'] };

const encode = (treated: boolean) =>
  encodeTreatedLabels({ ...walRecord('a', 1, 1), labels, ...(treated && { treatment }) });

function decode(bytes: Uint8Array, version: number) {
  return decodeTreatedLabels({ labels: bytes, version } as RecordHead);
}

/** The bytes with the number at a place replaced. */
function withNumber(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice();
  new DataView(changed.buffer).setUint32(at, value, true);
  return changed;
}

describe.each([
  ['plain', false],
  ['treated', true],
])('labels of a %s record', (_name, isTreated) => {
  const { labels: bytes, version } = encode(isTreated);

  it('are read as they were written', () => {
    const expected = isTreated ? { labels, treatment } : { labels };
    expect(decode(bytes, version)).toEqual(expected);
  });

  it('are corrupt wherever they end too early, or are fewer', () => {
    for (let length = 0; length < bytes.length; length++) {
      const read = () => decode(bytes.subarray(0, length), version);
      const left = outcome(read);
      // A cut between two labels leaves a record that makes sense.
      if (left instanceof Error) expect(left).toMatchObject({ name: 'Failure', kind: 'corrupt' });
      else expect(left.labels.length).toBeLessThan(labels.length);
    }
  });

  it('are corrupt when a length leads past them', () => {
    const firstText = isTreated ? 16 : 0;
    const places = isTreated ? [12, firstText] : [firstText];
    for (const at of places) {
      for (const value of [bytes.length, 2 ** 31, 2 ** 32 - 1]) {
        expect(outcome(() => decode(withNumber(bytes, at, value), version))).toMatchObject({
          kind: 'corrupt',
        });
      }
    }
  });
});

it('a text that is not UTF-8 is corrupt', () => {
  expect(outcome(() => decode(Uint8Array.of(1, 0, 0, 0, 0xff, 0, 0, 0, 0), 1))).toMatchObject({
    kind: 'corrupt',
    message: 'log record has a text that is not utf-8',
  });
});

it('a name without a value is corrupt', () => {
  expect(outcome(() => decode(Uint8Array.of(1, 0, 0, 0, 97), formatVersion))).toMatchObject({
    kind: 'corrupt',
    message: 'log record has 1 names and values, an odd number',
  });
});

it('any bytes are read or corrupt', () => {
  for (const version of [formatVersion, treatedVersion]) {
    const { labels: bytes } = encode(version === treatedVersion);
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ flip;
        const read = outcome(() => decode(changed, version));
        if (read instanceof Error) expect(read).toMatchObject({ kind: 'corrupt' });
      }
    }
  }
});

function outcome<T>(read: () => T): T | Error {
  try {
    return read();
  } catch (error) {
    return error as Error;
  }
}
