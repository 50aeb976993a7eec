// Blocks whose symbols and stacks are damaged: each is refused as corrupt, or answered with the sum
// of what was added. `PHLOX_FUZZ` sets the rounds, 4 for each; `PHLOX_FUZZ_SEED`
// repeats a run.
import { Profile } from 'pprof-format';
import { expect, test } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { StackSums } from '../../src/kernel/stack-sums.ts';
import { loadSymbols, noId, type PackedSymbols, packSymbols } from '../../src/kernel/symbols.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { randomOf, randomProfiles } from '../wasm/seal-profiles.ts';
import { appendAll, finalOrder, kernelOf } from '../wasm/seal-setup.ts';
import { sealBlock } from '../wasm/sealed-block.ts';

const rounds = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2000) / 4);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const header = {
  ...{ sampleType: 'a', sampleUnit: '', periodType: '', periodUnit: 'b' },
  ...{ period: 0n, timeNs: 1n, durationNs: 0n },
};

function packedOf(blockSeed: number): PackedSymbols {
  const head = kernelOf(blockSeed);
  const { rowOrder, seriesIds } = finalOrder(
    appendAll(head, randomProfiles(randomOf(blockSeed), 6, 100n)),
  );
  return packSymbols(sealBlock(head, rowOrder, seriesIds).symbols);
}

const damaged = [
  'functions',
  'mappings',
  'locations',
  'lines',
  'stackParents',
  'stackLocations',
  'stackParents',
  'stackLocations',
  'stringOffsets',
] as const;

/** A copy with a few words changed, to what is nearly right as often as to anything. */
function damage(packed: PackedSymbols, random: Random): PackedSymbols {
  const copy = structuredClone(packed);
  for (let n = 1 + random.below(4); n > 0; n--) {
    const { buffer } = copy[damaged[random.below(damaged.length)] ?? 'lines'];
    const words = new Uint32Array(buffer);
    const at = random.below(words.length);
    const old = words[at] ?? 0;
    const news = [0, noId, old + 1, old - 1, random.below(60), words[random.below(words.length)]];
    words[at] = news[random.below(news.length)] ?? 0;
  }
  return copy;
}

const sum = (values: Iterable<bigint>) => [...values].reduce((all, one) => all + one, 0n);

/** Sum of the samples, whose locations must be there. */
function pprofTotal(bytes: Uint8Array): bigint {
  const { sample, location } = Profile.decode(bytes);
  for (const id of sample.flatMap(({ locationId }) => locationId.map(Number))) {
    expect(id > 0 && id <= location.length).toBe(true);
  }
  return sum(sample.flatMap(({ value }) => value.map(BigInt)));
}

/** Asks everything of the damaged block; answers false when it was refused. */
function ask(kernel: Kernel, packed: PackedSymbols, random: Random): boolean {
  try {
    loadSymbols(kernel, packed);
    const sums = new StackSums(kernel);
    sums.setNodes(packed.stackParents, packed.stackLocations);
    const site = random.below(3) === 0 ? ['main0'] : [];
    sums.maskCallSite(site);
    const stacks = Uint32Array.from(packed.stackParents, (_, node) => node);
    const values = BigInt64Array.from(stacks, () => BigInt(random.below(5)));
    sums.addSamples({ stacks, values });
    const total = sum(sums.functionTree().self);
    if (site.length === 0) expect(total).toBe(sum(values));
    const maxNodes = random.below(40);
    const keepLocations = random.below(5);
    for (const options of [
      {},
      { maxNodes },
      { maxNodes, goPgo: { keepLocations, aggregateCallees: random.below(2) === 0 } },
    ]) {
      expect(pprofTotal(sums.pprof(header, options))).toBe(total);
    }
    sums.release();
    kernel.stats();
    return true;
  } catch (error) {
    if (!isFailure(error) || error.kind !== 'corrupt') throw error;
    return false;
  }
}

test(`damaged blocks are refused or answered, seed ${seed}`, { timeout: 600_000 }, () => {
  const blocks = [packedOf(seed), packedOf(seed + 1), packedOf(seed + 2)];
  const kernel = kernelOf(seed);
  let accepted = 0;
  for (let round = 0; round < rounds; round++) {
    const random = createRandom(seed + round);
    kernel.reset([random.below(2 ** 32), round]);
    const block = blocks[round % blocks.length] as PackedSymbols;
    if (ask(kernel, damage(block, random), random)) accepted++;
  }
  expect(accepted).toBeGreaterThan(rounds / 20);
  expect(rounds - accepted).toBeGreaterThan(rounds / 20);
});
