// Random and mutated uploads of every format through the door: an answer of the table, never a bug
// of ours, and no body that grows out of its bounds. `PHLOX_FUZZ` sets how many a format;
// `PHLOX_FUZZ_SEED` repeats a run.
import { describe, expect, it } from 'vitest';
import { outlinePprof } from '../../src/convert/pprof-edit.ts';
import { isFailure } from '../../src/errors.ts';
import { finish } from '../../src/lib/steps.ts';
import { Writer } from '../fixtures/protobuf.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { createApiServer } from '../support/api-server.ts';
import { loadFixture } from '../support/fixtures.ts';
import { decodeExpected } from '../support/oracle.ts';
import { randomPprof } from '../support/random-pprof.ts';
import {
  type Stacks,
  toFolded,
  toLines,
  toSpeedscope,
  toTree,
  toTrie,
  varint,
} from '../support/stack-formats.ts';
import { formBody } from '../support/upload.ts';

const rounds = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2_000) / 8);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
console.log(`PHLOX_FUZZ_SEED=${seed}`);

const profileBytesMax = 4 << 20;
const names = ['main', 'a', 'größe', '', 'x'.repeat(300), '日本', 'f g', 'a'];

function randomStacks(random: Random): Stacks {
  const pick = () => names[random.below(names.length)] ?? '';
  return Array.from({ length: 1 + random.below(12) }, () => {
    const stack = Array.from({ length: 1 + random.below(9) }, pick).join(';');
    return [stack, random.below(40)] as const;
  });
}

function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let out: number[] = [...bytes];
  for (let i = random.below(4); i > 0; i--) {
    const at = random.below(out.length + 1);
    const what = random.below(5);
    if (what === 0) out.splice(at, 1 + random.below(20));
    else if (what === 1) out.splice(at, 0, ...out.slice(0, random.below(60)));
    else if (what === 2) out[at] = random.below(256);
    else if (what === 3) out.splice(at, random.below(2), ...varint(2n ** BigInt(random.below(64))));
    else out = out.slice(0, at);
  }
  return Uint8Array.from(out);
}

const formats: [string, (random: Random) => Uint8Array][] = [
  ['groups', (random) => toFolded(randomStacks(random))],
  ['lines', (random) => toLines(randomStacks(random))],
  ['tree', (random) => toTree(randomStacks(random))],
  ['trie', (random) => toTrie(randomStacks(random))],
  ['speedscope', (random) => toSpeedscope(randomStacks(random))],
  [
    'speedscope',
    (random) => toSpeedscope(randomStacks(random), { type: 'evented', unit: 'bytes' }),
  ],
  ['pprof', (random) => randomPprof(random)],
  ['', (random) => formBody([{ name: 'profile', filename: 'a', content: randomPprof(random) }])],
];

const spies = ['pyspy', 'rbspy', 'dotnetspy', 'gospy'];
const suffixes = ['', '.cpu', '.alloc_space', '.mutex_duration'];

describe.each(formats)('uploads as %s', (format, make) => {
  it(`are answered as the table says, ${rounds} times, seed ${seed}`, async () => {
    const server = await createApiServer();
    for (let round = 0; round < rounds; round++) {
      const random = createRandom(seed + round);
      const body = new Uint8Array(mutated(make(random), random));
      const name = `shop${suffixes[random.below(suffixes.length)]}`;
      const spy = spies[random.below(spies.length)];
      const url = `/ingest?name=${name}&spyName=${spy}&format=${format}&from=1767312000`;
      const headers = format === '' ? { 'content-type': 'multipart/form-data; boundary=xyz' } : {};
      const response = await server.send(url, { method: 'POST', headers, body });
      const text = await response.text();
      expect([200, 415, 422], `seed ${seed + round}: ${text}`).toContain(response.status);
      for (const { profiles } of server.ingester.pushes.splice(0)) {
        for (const one of profiles) {
          expect(one.body.byteLength).toBeLessThanOrEqual(profileBytesMax + body.byteLength);
          if (format !== '' && format !== 'pprof') decodeExpected(one.body);
        }
      }
    }
  }, 120_000);
});

describe('edits', () => {
  it('leave what a profile says as it is', () => {
    for (const fixture of ['go-cpu', 'node-wall', 'jvm-alloc', 'python-wall'] as const) {
      const { plain } = loadFixture(fixture);
      const outline = finish(outlinePprof(plain));
      expect(finish(outline.edited({}, profileBytesMax))).toBe(plain);
      const edited = finish(
        outline.edited({ timeNs: 5n, renameType: (type) => `${type}_x` }, 1 << 20),
      );
      const original = decodeExpected(plain);
      const found = decodeExpected(edited);
      expect(finish(outlinePprof(edited)).timeNs).toBe(5n);
      for (const { type } of original.sampleTypes) {
        expect(found.perType.get(`${type}_x`)).toEqual(original.perType.get(type));
      }
    }
  });
});

/** Bodies that claim or mean much more than they are. */
const hostile: [string, string, () => Uint8Array][] = [
  ['2^63 children', 'tree', () => Uint8Array.of(0, 0, ...varint(2n ** 63n))],
  ['a name of 2^31 bytes', 'tree', () => Uint8Array.of(...varint(2n ** 31n), 65)],
  ['a name of 2^64-1 bytes', 'trie', () => Uint8Array.of(...varint(2n ** 64n - 1n), 65)],
  ['a value of 2^64-1', 'tree', () => Uint8Array.of(0, ...varint(2n ** 64n - 1n), 0)],
  ['a varint without an end', 'trie', () => new Uint8Array(1 << 20).fill(0xff)],
  ['a chain of a million calls', 'tree', () => repeated([0, 0, 1], [1, 97, 1, 1], 1_000_000)],
  [
    'a chain of calls with values',
    'tree',
    () => repeated([0, 0, 1], [1, 97, 1, 1], 400_000, [0, 0, 0]),
  ],
  [
    'a trie that spells n² bytes',
    'trie',
    () => repeated([0, 0, 1], [1, 97, 1, 1], 400_000, [0, 0, 0]),
  ],
  ['one stack of 30,000 calls, often', 'groups', () => text(`${'a;'.repeat(30_000)}b 1\n`, 130)],
  ['many distinct calls', 'lines', () => text(';'.repeat(60_000), 1, 'x\n')],
  ['nested lists', 'speedscope', () => text('[', 1_000_000)],
  ['many lists', 'speedscope', () => text('[],', 2_000_000, '[]]', '[')],
  ['a count of many digits', 'groups', () => text('a 1', 1, '0'.repeat(60_000))],
];

function repeated(head: number[], unit: number[], count: number, tail: number[] = []): Uint8Array {
  const out = new Uint8Array(head.length + unit.length * count + tail.length);
  out.set(head);
  for (let i = 0; i < count; i++) out.set(unit, head.length + i * unit.length);
  out.set(tail, out.length - tail.length);
  return out;
}

function text(unit: string, count: number, tail = '', head = ''): Uint8Array {
  return new TextEncoder().encode(head + unit.repeat(count) + tail);
}

it.each(hostile)(
  '%s, as %s, are bounded in time and answer',
  async (_, format, make) => {
    const server = await createApiServer({ requestBytesMax: 1 << 24 });
    const body = new Uint8Array(make());
    const startMs = performance.now();
    const url = `/ingest?name=shop&format=${format}`;
    const response = await server.send(url, { method: 'POST', body });
    expect([200, 422], await response.text()).toContain(response.status);
    // Twenty times what it takes alone: what is quadratic takes minutes.
    expect(performance.now() - startMs).toBeLessThan(20_000);
  },
  60_000,
);

it('refuses to spell out a long file name for every function', () => {
  const out = new Writer().string(6, '').string(6, 'f'.repeat(1 << 20));
  for (let i = 2; i < 500; i++) {
    out.string(6, `g${i}`).message(5, new Writer().number(2, i).number(4, 1));
  }
  const bytes = out.finish();
  const outline = finish(outlinePprof(bytes));
  const rename = () =>
    finish(outline.edited({ renameFunction: (name, filename) => `${filename} ${name}` }, 4 << 20));
  expect(rename).toThrowError('names of functions are more than 4194304 bytes, the limit');
  expect(() => finish(outlinePprof(Uint8Array.of(0x0b)))).toThrowError(
    expect.toSatisfy((error) => isFailure(error, 'invalid')),
  );
});
