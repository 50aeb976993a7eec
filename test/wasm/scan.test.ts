// Scanning: what is found, and how the wire format is read.
import { describe, expect, test } from 'vitest';
import { Writer } from '../fixtures/protobuf.ts';
import { createRandom } from '../fixtures/random.ts';
import { syntheticProfiles } from '../fixtures/synthetic.ts';
import { loadFixtures } from '../support/fixtures.ts';
import { createKernel, planOf } from '../support/kernel.ts';
import { dumpRows } from '../support/kernel-dump.ts';
import { randomPprof } from '../support/random-pprof.ts';
import { modelOf } from './model.ts';
import { encode, followed, withField } from './scan-builders.ts';

const shared = createKernel();

function assertFacts(bytes: Uint8Array) {
  const facts = shared.scan(bytes);
  const { samples, groups, ...model } = modelOf(bytes);
  expect(facts).toMatchObject(model);
  const found = facts.groups.map(({ labels, sampleCounts }) => ({
    labels,
    sampleCounts: [...sampleCounts],
  }));
  expect(found).toEqual(groups);
}

describe('scan finds what the model finds', () => {
  for (const { name, plain } of loadFixtures()) {
    test(`in the fixture ${name}`, () => assertFacts(plain));
  }
  for (const { name, bytes } of syntheticProfiles()) {
    test(`in the synthetic profile ${name}`, () => assertFacts(bytes));
  }
  test('in random profiles', () => {
    const random = createRandom(5);
    for (let round = 0; round < 200; round++) assertFacts(randomPprof(random));
  });
});

describe('scan follows the wire format', () => {
  const scanOne = (bytes: Uint8Array) => {
    const kernel = createKernel();
    const facts = kernel.scan(bytes);
    kernel.append(planOf(facts));
    return { facts, rows: dumpRows(kernel) };
  };

  test('the last of a repeated scalar counts', () => {
    expect(shared.scan(followed(0x48, 5, 0x48, 9)).timeNs).toBe(9n);
  });

  test('a period type sent in two parts is their merge', () => {
    const bytes = Uint8Array.of(
      ...withField(11, new Writer().number(1, 1)),
      ...new Writer().message(11, new Writer().number(2, 2)).finish(),
    );
    expect(shared.scan(bytes).periodType).toEqual({ type: 'a', unit: 'count' });
  });

  test('an absent period type is undefined, an empty one is not', () => {
    expect(shared.scan(encode()).periodType).toBeUndefined();
    const bytes = withField(11, new Writer());
    expect(shared.scan(bytes).periodType).toEqual({ type: '', unit: '' });
  });

  test('unknown fields of wire types 0, 1, 2 and 5 are skipped everywhere', () => {
    const unknown = new Writer().number(1000, 1).string(1001, 'x').finish();
    const fixed = [0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 0xc5, 0x3e, 1, 2, 3, 4];
    const extra = Uint8Array.of(...unknown, ...fixed);
    const grow = (bytes: Uint8Array) => {
      const out = new Writer();
      // Every message of a small profile has a length of one byte.
      for (let p = 0; p < bytes.length; ) {
        const field = (bytes[p] as number) >> 3;
        const end = p + 2 + (bytes[p + 1] as number);
        if (field === 6) out.bytes(6, bytes.subarray(p + 2, end));
        else out.bytes(field, Uint8Array.of(...bytes.subarray(p + 2, end), ...extra));
        p = end;
      }
      return Uint8Array.of(...out.finish(), ...extra);
    };
    expect(scanOne(grow(encode()))).toEqual(scanOne(encode()));
  });

  test('a known field with another wire type is unknown', () => {
    // Time as bytes, and as a fixed number.
    expect(shared.scan(followed(0x4a, 1, 7, 0x49, 1, 2, 3, 4, 5, 6, 7, 8)).timeNs).toBe(0n);
  });

  test('a tag of more bytes than it needs is the same tag', () => {
    expect(shared.scan(followed(0xc8, 0x80, 0x00, 9)).timeNs).toBe(9n);
  });

  test('frames and values sent in several fields are joined', () => {
    const body = new Writer().packed(1, [1]).element(2, 3).element(1, 2).packed(2, [4]);
    const { rows } = scanOne(withField(2, body));
    expect(rows.map((row) => row.samples.map((one) => one.value))).toEqual([[4n], [6n]]);
  });

  test('tables may come in any order, also after the samples', () => {
    const fields = [];
    const bytes = encode();
    for (let p = 0; p < bytes.length; ) {
      const end = p + 2 + (bytes[p + 1] as number);
      fields.push(bytes.subarray(p, end));
      p = end;
    }
    // Strings keep their order; everything else is turned round.
    const strings = fields.filter((field) => field[0] === 0x32);
    const others = fields.filter((field) => field[0] !== 0x32 && field[0] !== 0x0a);
    const types = fields.filter((field) => field[0] === 0x0a);
    const turned = [...others.reverse(), ...strings, ...types].flatMap((field) => [...field]);
    const { rows } = scanOne(Uint8Array.from(turned));
    // Locations change places, so compare what does not depend on their order.
    expect(rows.map((row) => row.total)).toEqual([1n, 2n]);
  });

  test('periods, times and line numbers are 64-bit', () => {
    const facts = shared.scan(
      encode({ timeNs: 2n ** 62n, durationNs: -(2n ** 62n), period: 2n ** 61n }),
    );
    expect(facts).toMatchObject({ timeNs: 2n ** 62n, durationNs: -(2n ** 62n), period: 2n ** 61n });
  });
});
