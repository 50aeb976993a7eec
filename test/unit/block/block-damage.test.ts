// Damage is said to be damage, by block and file: files cut short or changed, tables that
// contradict each other, blocks that went away. Never a wrong answer where it can be told.
import { describe, expect, it } from 'vitest';
import { BlockSource } from '../../../src/block/block-source.ts';
import { blockKey, type TableName, tableFile, tableNames } from '../../../src/block/files.ts';
import type { BlockMeta } from '../../../src/block/meta.ts';
import { KernelPool } from '../../../src/kernel/pool.ts';
import { createMatcher } from '../../../src/model/matcher.ts';
import type { Source, StackQuery } from '../../../src/model/source.ts';
import { readerParts, storeBlock, testMeter, testUlid } from '../../support/block-folder.ts';
import { cpuType, type ModelBlock, modelBlock, stackTotalsOf } from '../../support/block-model.ts';
import { stacksOfTree } from '../../support/function-tree.ts';
import { memoryPlatform } from '../../support/memory-platform.ts';

const platform = await memoryPlatform();
const kernels = new KernelPool({
  modules: { head: platform.headModule, query: platform.queryModule },
  random: platform.random,
  headBytesMax: 2 ** 26,
  keepIdleMax: 2,
});

const size = { stacks: 60, samplesPerProfile: 20, profilesPerSeries: 6, valueMax: 2n ** 40n };

async function sourceOf(
  block: Awaited<ReturnType<typeof storeBlock>>,
  meta: BlockMeta = block.meta,
) {
  return new BlockSource({ ...(await readerParts()), kernels }, block.bucket, meta);
}

/** A query for `totals`, and with `isPart` for `samples`. */
function queryOf(source: Source, isPart: boolean): StackQuery {
  const { startNs, endNs } = source.range;
  return {
    selector: [createMatcher('__profile_type__', '=', cpuType)],
    profileType: cpuType,
    startNs: startNs + (isPart ? 1n : 0n),
    endNs,
    filter: {},
    shape: 'functions',
  };
}

/** Runs every kind of call; answers what those that were refused threw. */
async function callAll(source: Source): Promise<unknown[]> {
  const grid = { startNs: source.range.startNs, stepNs: 10_000_000_000n, slots: 9 };
  const { selector, profileType, startNs, endNs } = queryOf(source, false);
  const calls = [
    () => source.stacks(queryOf(source, false), testMeter()),
    () => source.stacks(queryOf(source, true), testMeter()),
    () => source.series({ selector, startNs, endNs, names: undefined }, testMeter()),
    () => source.points({ selector, profileType, grid, groupBy: ['pod'] }, testMeter()),
    () => source.points({ selector, profileType, grid, groupBy: [], callSite: ['x'] }, testMeter()),
  ];
  const errors: unknown[] = [];
  for (const call of calls) {
    try {
      await call();
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}

const naming = (table: TableName, kind = 'corrupt') =>
  expect.objectContaining({
    kind,
    message: expect.stringContaining(`block ${testUlid}: ${tableFile(table)}`),
  });

/** Tables that these calls read; mappings because some locations have no lines. */
const readTables = tableNames;

describe('a file', () => {
  it.each(readTables)('%s that is cut short is corrupt, and named', async (table) => {
    const block = await storeBlock(modelBlock(3, size));
    const key = blockKey(testUlid, tableFile(table));
    const bytes = await block.memory.get(key);
    for (const length of [0, 7, bytes.length >> 1, bytes.length - 1]) {
      await block.memory.put(key, bytes.subarray(0, length));
      const errors = await callAll(await sourceOf(block));
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toEqual(naming(table));
    }
  });

  it.each(readTables)('%s with any byte changed is corrupt, and named', async (table) => {
    const block = await storeBlock(modelBlock(3, size));
    const key = blockKey(testUlid, tableFile(table));
    const bytes = await block.memory.get(key);
    for (let at = 3; at < bytes.length; at += Math.ceil(bytes.length / 7)) {
      await block.memory.put(key, bytes.with(at, (bytes[at] ?? 0) ^ 0x10));
      const errors = await callAll(await sourceOf(block));
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toEqual(naming(table));
    }
  });

  it.each(readTables)('%s that is gone is missing, and named', async (table) => {
    const block = await storeBlock(modelBlock(3, size));
    await block.memory.delete(blockKey(testUlid, tableFile(table)));
    const errors = await callAll(await sourceOf(block));
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toEqual(naming(table, 'missing'));
  });

  it.each(['totals', 'samples', 'profiles'] as const)(
    '%s with other rows than meta.json says is corrupt',
    async (table) => {
      const block = await storeBlock(modelBlock(3, size));
      const files = block.meta.files.map((file) =>
        file.name === tableFile(table) ? { ...file, rows: file.rows + 1 } : file,
      );
      const errors = await callAll(await sourceOf(block, { ...block.meta, files }));
      expect(errors).toContainEqual(naming(table));
    },
  );
});

describe('a table', () => {
  const last = <T>(list: readonly T[]) => list.at(-1) as T;
  const damages: [string, TableName, (block: ModelBlock) => void][] = [
    ['a sample of a stack that is not there', 'samples', (b) => (last(b.samples).stack = 60)],
    ['a parent after its child', 'stacktraces', (b) => (b.stacks[5]!.parent = 7)],
    ['a stack that is its own parent', 'stacktraces', (b) => (b.stacks[5]!.parent = 5)],
    ['a location that is not there', 'stacktraces', (b) => (b.stacks[5]!.location = 60)],
    ['a child of the empty stack', 'stacktraces', (b) => (b.stacks[5]!.parent = 0)],
    [
      'an empty stack inside',
      'stacktraces',
      (b) => (b.stacks[5] = { parent: 1, location: undefined }),
    ],
    ['a mapping that is not there', 'locations', (b) => (b.locations[4]!.mapping = 2)],
    ['a function that is not there', 'locations', (b) => (b.locations[7]!.lines[0]!.fn = 30)],
    ['a series of another service', 'series', (b) => (b.series[1]!.labels[2]!.value = 'other')],
  ];

  it.each(damages)('with %s is corrupt', async (_, table, damage) => {
    const model = modelBlock(3, size);
    const before = await storeBlock(model);
    damage(model);
    const after = await storeBlock(model, undefined, before.meta);
    const errors = await callAll(await sourceOf(after));
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toEqual(naming(table));
  });

  it('with a profile of a series that is not there is corrupt', async () => {
    const model = modelBlock(3, size);
    const before = await storeBlock(model);
    last(model.profiles).series = 4;
    model.series.push({ ...last(model.series) });
    const after = await storeBlock(model, undefined, before.meta);
    const errors = await callAll(await sourceOf(after));
    expect(errors).toContainEqual(naming('profiles'));
  });

  it('that is whole answers what was written', async () => {
    const model = modelBlock(3, size);
    const source = await sourceOf(await storeBlock(model));
    const part = await source.stacks(queryOf(source, false), testMeter());
    if (part?.shape !== 'functions') throw new Error('no tree');
    const total = [...stacksOfTree(part.tree).values()].reduce((a, b) => a + b, 0n);
    const expected = [...stackTotalsOf([model])]
      .filter(([key]) => JSON.parse(key)[0] === cpuType)
      .reduce((sum, [, value]) => sum + value, 0n);
    expect(total).toBe(expected);
    expect(await callAll(source)).toEqual([]);
  });
});
