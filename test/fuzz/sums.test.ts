// Random heads, filters and options against the model: sums, function trees and pprofs of the head,
// of the block it becomes, and of both merged. `PHLOX_FUZZ` sets the rounds, 200 for each;
// `PHLOX_FUZZ_SEED` repeats a run.
import { expect, test } from 'vitest';
import { PprofMerge } from '../../src/kernel/pprof-merge.ts';
import type { PprofHeader, PprofOptions } from '../../src/kernel/pprof-options.ts';
import { StackSums } from '../../src/kernel/stack-sums.ts';
import type { BatchFilter } from '../../src/kernel/sum-filter.ts';
import { loadSymbols, packSymbols } from '../../src/kernel/symbols.ts';
import { modelPprof, readPprof } from '../wasm/pprof-model.ts';
import { type ModelRow, type Random, randomOf, randomProfiles } from '../wasm/seal-profiles.ts';
import { appendAll, finalOrder, kernelOf } from '../wasm/seal-setup.ts';
import { sealBlock } from '../wasm/sealed-block.ts';
import { beginsWith, type ModelSample, modelSelf, pathOf, plainSelf } from '../wasm/sums-model.ts';

const rounds = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2000) / 200);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const header: PprofHeader = {
  ...{ sampleType: 'a', sampleUnit: '', periodType: '', periodUnit: 'b' },
  ...{ period: 0n, timeNs: 1n, durationNs: 0n },
};

const traceOf = (trace: string) => Buffer.from(trace.padStart(32, '0'), 'hex');

/** A filter that a head knows as well as a block, and the samples that it lets pass. */
function randomFilter(random: Random, samples: readonly ModelSample[]) {
  const chosen = samples.filter(() => random(3) === 0);
  const spans = random(3) === 0 && new Set(chosen.map(({ span }) => span));
  const traces = random(3) === 0 && new Set(chosen.map(({ trace }) => trace));
  const filter: BatchFilter = {
    ...(spans && { spanIds: BigUint64Array.from([...spans], (span) => BigInt(`0x0${span}`)) }),
    ...(traces && { traceIds: new Uint8Array(Buffer.concat([...traces].map(traceOf))) }),
  };
  const passes = ({ span, trace }: ModelSample) =>
    (!spans || (span !== '' && spans.has(span))) &&
    (!traces || (trace !== '' && traces.has(trace)));
  return { filter, passes };
}

function randomOptions(random: Random): PprofOptions {
  return {
    ...(random(2) && { maxNodes: random(60) }),
    ...(random(2) && {
      goPgo: { keepLocations: random(5), aggregateCallees: random(2) === 1 },
    }),
  };
}

function randomSite(random: Random, samples: readonly ModelSample[]): string[] {
  const some = samples[random(samples.length)];
  const path = some === undefined ? [] : pathOf(some.frames);
  const site = random(2) ? path.slice(0, random(4)) : [];
  return random(8) === 0 ? [...site, 'nowhere'] : site;
}

function checkRound(roundSeed: number): void {
  const random = randomOf(roundSeed);
  const head = kernelOf(roundSeed);
  const specs = randomProfiles(random, 1 + random(20), 1n << BigInt(4 + random(46)));
  const rows: ModelRow[] = appendAll(head, specs);
  const { rowOrder, seriesIds, sorted } = finalOrder(rows);
  const all = sorted.flatMap((row) => row.samples);
  const { filter, passes } = randomFilter(random, all);
  const site = randomSite(random, all);
  const options = randomOptions(random);
  const expected = all.filter((one) => passes(one) && beginsWith(one.frames, site));

  const ofHead = new StackSums(head);
  ofHead.maskCallSite(site);
  const cut = random(rowOrder.length + 1);
  ofHead.addRows(rowOrder.subarray(0, cut), filter);
  ofHead.addRows(rowOrder.subarray(cut), filter);
  const { symbols, samples } = sealBlock(head, rowOrder, seriesIds);
  const packed = packSymbols(symbols);
  const kernel = kernelOf(roundSeed + 1);
  loadSymbols(kernel, packed);
  const ofBlock = new StackSums(kernel);
  ofBlock.setNodes(packed.stackParents, packed.stackLocations);
  ofBlock.maskCallSite(site);
  ofBlock.addSamples(samples, filter);

  const merge = new PprofMerge(kernelOf(roundSeed + 2));
  for (const sums of [ofHead, ofBlock]) {
    expect(sums.isEmpty).toBe(expected.length === 0);
    expect(plainSelf(sums.functionTree())).toEqual(modelSelf(expected));
    const { values } = readPprof(sums.pprof(header, options));
    expect(values).toEqual(modelPprof(expected, options));
    merge.add(sums.pprof(header));
  }
  const merged = readPprof(merge.finish(header, options));
  expect(merged.values).toEqual(modelPprof([...expected, ...expected], options));
}

test(`sums of heads and blocks agree with the model, seed ${seed}`, { timeout: 600_000 }, () => {
  for (let round = 0; round < rounds; round++) checkRound(seed + round * 7);
});
