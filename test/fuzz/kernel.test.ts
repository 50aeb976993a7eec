// Mutants of real and odd profiles against the kernel: no trap, no change by what is refused, and
// what is accepted agrees with the model. `PHLOX_FUZZ` sets the mutants per seed profile;
// `PHLOX_FUZZ_SEED` repeats a run.
import { describe, expect, test } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import { noSeries } from '../../src/kernel/facts.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { syntheticProfiles } from '../fixtures/synthetic.ts';
import { loadFixture } from '../support/fixtures.ts';
import { createKernel, planOf } from '../support/kernel.ts';
import { dumpRows } from '../support/kernel-dump.ts';
import { randomPprof } from '../support/random-pprof.ts';
import { decodeWire } from '../support/wire-pprof.ts';
import { expectedRows, modelOf } from '../wasm/model.ts';

const mutants = Number(process.env['PHLOX_FUZZ'] ?? 2000);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

type Mutate = (bytes: Uint8Array, random: Random) => Uint8Array;

const splice = (bytes: Uint8Array, at: number, cut: number, insert: Uint8Array) => {
  const rest = bytes.subarray(at + cut);
  const out = new Uint8Array(at + insert.length + rest.length);
  out.set(bytes.subarray(0, at));
  out.set(insert, at);
  out.set(rest, at + insert.length);
  return out;
};
const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x5a, 0x6a];

const mutations: Mutate[] = [
  function flip(bytes, random) {
    const out = bytes.slice();
    const at = random.below(out.length);
    out[at] = (out[at] as number) ^ (1 << random.below(8));
    return out;
  },
  function overwrite(bytes, random) {
    const out = bytes.slice();
    for (let i = 1 + random.below(3); i > 0; i--) {
      out[random.below(out.length)] = interesting[random.below(interesting.length)] as number;
    }
    return out;
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.length));
  },
  function giantVarint(bytes, random) {
    const varint = new Uint8Array(1 + random.below(11)).fill(0x80 | random.below(128));
    varint[varint.length - 1] = random.below(256);
    return splice(bytes, random.below(bytes.length), random.below(3), varint);
  },
  function remove(bytes, random) {
    const at = random.below(bytes.length);
    return splice(bytes, at, 1 + random.below(30), new Uint8Array(0));
  },
  function repeat(bytes, random) {
    const at = random.below(bytes.length);
    return splice(bytes, random.below(bytes.length), 0, bytes.slice(at, at + random.below(60)));
  },
  function crossOver(bytes, random) {
    const other = randomPprof(random);
    return splice(bytes, random.below(bytes.length), 0, other.slice(random.below(other.length)));
  },
];

/** What a scan mends, all at once: mutants break one of it and leave the rest. */
const mended = encodePprof({
  sampleTypes: [['a', 'count']],
  functions: [
    { id: 1, name: 'f[go.shape.[]int,go.shape.struct { A [2]int }].g', systemName: 'f' },
    { id: 2, name: 'f[go.shape.string]', file: 'f[go.shape.string]' },
  ],
  mappings: [{ id: 0 }, { id: 1, hasFunctions: true }, { id: 7 }],
  locations: [
    { id: 1, mapping: 1, address: 5, lines: [{ function: 1 }] },
    { id: 2, mapping: 1, address: 6, lines: [{ function: 2, line: 1 }, { function: 1 }] },
    { id: 3, mapping: 2, address: 7 },
    { id: 4, lines: [{ function: 3 }] },
    { id: 5, address: 9 },
    { id: 6 },
  ],
  samples: Array.from({ length: 40 }, (_, i) => ({
    locations: Array.from({ length: i === 9 ? 1_100 : 1 + (i % 4) }, (_, k) => 1 + ((i * k) % 7)),
    values: [i],
    labels: i % 3 ? [] : [{ key: `k${i % 2}`, text: `${i}` }],
  })),
});

const sources = [
  ...syntheticProfiles(),
  { name: 'mended', bytes: mended },
  ...(['go-block', 'node-heap', 'go-cpu-labels'] as const).map((name) => ({
    name,
    bytes: loadFixture(name).plain,
  })),
];

/** What happened to the mutants of one seed profile. */
interface Outcome {
  refused: number;
  accepted: number;
}

function fuzz(name: string, bytes: Uint8Array, random: Random, count: number): Outcome {
  const outcome: Outcome = { refused: 0, accepted: 0 };
  const kernel = createKernel(64 << 20, [seed, 1]);
  // Values whose sum passes 2^63-1 are taken by an empty head only.
  if (name !== 'bigValues') kernel.append(planOf(kernel.scan(loadFixture('go-block').plain)));
  const start = kernel.mark();
  const digest = kernel.digest();
  const step = Math.max(1, Math.round(bytes.length / 2000));
  for (let i = 0; i < count; i++) {
    let mutant = bytes;
    for (let n = random.below(2); n >= 0 && mutant.length > 0; n--) {
      mutant = (mutations[random.below(mutations.length)] as Mutate)(mutant, random);
    }
    try {
      const plan = planOf(kernel.scan(mutant));
      const { rowsFrom } = kernel.append(plan);
      outcome.accepted++;
      // The model is slow: large profiles are compared now and then.
      if (i % step === 0) {
        expect(dumpRows(kernel, rowsFrom)).toEqual(
          expectedRows(modelOf(mutant, decodeWire), plan, noSeries),
        );
      }
      kernel.rollback(start);
    } catch (error) {
      if (!isFailure(error) || error.kind === 'internal') throw error;
      outcome.refused++;
    }
    if (i % step === 0) expect(kernel.digest()).toBe(digest);
  }
  expect(kernel.digest()).toBe(digest);
  return outcome;
}

describe(`mutants, PHLOX_FUZZ_SEED=${seed}`, () => {
  for (const [index, { name, bytes }] of sources.entries()) {
    const count = Math.max(50, Math.round(mutants / Math.max(1, bytes.length / 4000)));
    test(`${count} of ${name} neither trap nor leave a trace`, { timeout: 600_000 }, () => {
      const { refused, accepted } = fuzz(name, bytes, createRandom(seed + index), count);
      // A fuzzer whose mutants are all alike tests nothing; few may be so by chance.
      if (count < 1000) return;
      expect(refused).toBeGreaterThan(count / 200);
      expect(accepted).toBeGreaterThan(count / 200);
    });
  }
});
