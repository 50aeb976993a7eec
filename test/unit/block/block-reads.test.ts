// What a query costs in requests, waves and bytes: cold, warm, and when `meta.json` is enough. The
// block is large enough for several row groups, so its answers are checked as well.
import { describe, expect, it } from 'vitest';
import { BlockReader, wholeBytesMax } from '../../../src/block/block-reader.ts';
import { BlockSource } from '../../../src/block/block-source.ts';
import { blockPrefix } from '../../../src/block/files.ts';
import { fileOf } from '../../../src/block/meta.ts';
import { planRead } from '../../../src/block/read-plan.ts';
import { readerParts, testMeter } from '../../support/block-folder.ts';
import { stacksOfTree } from '../../support/function-tree.ts';
import { everything, pushedBlock } from '../../support/pushed-block.ts';
import { PushedModel } from '../../support/pushed-model.ts';

const model = new PushedModel(5, {
  services: 2,
  pods: 2,
  profilesPerPod: 40,
  samplesPerProfile: 900,
  stacks: 3000,
  isSymbolised: true,
});
const { meta, bucket, parts } = await pushedBlock(model);
const all = () => true;

/** A source over the block with nothing cached. */
async function cold(): Promise<BlockSource> {
  bucket.forget();
  return new BlockSource({ ...(await readerParts()), kernels: parts.kernels }, bucket, meta);
}

async function stacks(source: BlockSource, selector = '{}', change = {}) {
  const meter = testMeter();
  const part = await source.stacks(everything(meta, 'cpu', selector, change), meter);
  const bytes = bucket.reads.reduce((sum, one) => sum + one.bytes, 0);
  const files = bucket.reads.map((one) => `${one.wave} ${one.file}`).sort();
  const tree = part?.shape === 'functions' ? stacksOfTree(part.tree) : undefined;
  return { tree, meter, bytes, files, requests: bucket.reads.length };
}

const symbols = ['1 functions.parquet', '1 locations.parquet', '1 stacktraces.parquet'];

it('has more samples than a row group', () => {
  expect(meta.stats.numSamples).toBeGreaterThan(200_000);
  expect(fileOf(meta, 'samples').bytes).toBeGreaterThan(512 * 1024);
});

describe('a cold block', () => {
  it('asks for totals and symbols at once, then for the columns in one piece', async () => {
    const { tree, files, bytes, meter } = await stacks(await cold());
    expect(tree).toEqual(model.stacks('cpu', all));
    const isSmall = fileOf(meta, 'totals').bytes <= wholeBytesMax;
    const columns = isSmall ? [] : ['2 totals.parquet'];
    expect(files).toEqual([...symbols, '1 totals.parquet', ...columns]);
    expect(meter.bytes).toBe(bytes);
  });

  it('reads series, samples and symbols in six requests and two waves', async () => {
    const { startNs } = (await cold()).range;
    const change = { startNs: startNs + 200_000_000_000n };
    const { tree, files } = await stacks(await cold(), '{pod="pod-1"}', change);
    const isIn = ({ pod, timeNs }: { pod: string; timeNs: bigint }) =>
      pod === 'pod-1' && timeNs >= change.startNs;
    expect(tree).toEqual(model.stacks('cpu', isIn));
    expect(files).toEqual([
      ...symbols.slice(0, 2),
      '1 samples.parquet',
      '1 series.parquet',
      ...symbols.slice(2),
      '2 samples.parquet',
    ]);
  });

  it('asks for mappings as well when a location has no lines, to name it', async () => {
    const bare = await pushedBlock(new PushedModel(3));
    await bare.source.stacks(everything(bare.meta, 'cpu'), testMeter());
    const files = bare.bucket.reads.map((one) => one.file).sort();
    expect(files).toEqual([
      'functions.parquet',
      'locations.parquet',
      'mappings.parquet',
      'stacktraces.parquet',
      'totals.parquet',
    ]);
    bare.bucket.forget();
    await bare.source.stacks(everything(bare.meta, 'samples'), testMeter());
    expect(bare.bucket.reads).toEqual([]);
  });

  it('fetches little more of the samples than it needs', async () => {
    const source = await cold();
    const change = { startNs: source.range.startNs + 1n };
    await stacks(source, '{service_name="service-0"}', change);
    const place = { bucket, prefix: blockPrefix(meta.ulid), ulid: meta.ulid };
    const fetched = bucket.reads
      .filter((one) => one.file === 'samples.parquet')
      .reduce((sum, one) => sum + one.bytes, 0);
    const reader = new BlockReader(await readerParts(), place, meta);
    const { footer } = await reader.open('samples', testMeter());
    const columns = ['time_ns', 'stacktrace_id', 'value'];
    const dataset = meta.datasets.find((one) => one.profileType.startsWith('cpu:cpu'))!;
    const { neededBytes } = planRead(footer, columns, [dataset.samples]);
    const { footerBytes } = fileOf(meta, 'samples');
    expect(fetched - footerBytes).toBeGreaterThanOrEqual(neededBytes);
    expect(fetched - footerBytes).toBeLessThan(neededBytes * 1.1);
    expect(fetched).toBeLessThan(fileOf(meta, 'samples').bytes * 0.7);
  });

  it('reads points from one file in two requests', async () => {
    const source = await cold();
    const { selector, profileType } = everything(meta, 'cpu');
    const grid = { startNs: source.range.startNs, stepNs: 60_000_000_000n, slots: 10 };
    const query = { selector, profileType, grid, groupBy: ['service_name'] };
    const found = await source.points(query, testMeter());
    expect(found.flatMap((one) => one.sums).reduce((a, b) => a + b)).toBe(
      model.profiles.reduce((sum, one) => sum + model.total('cpu', one), 0n),
    );
    expect(new Set(bucket.reads.map((one) => one.file))).toEqual(new Set(['profiles.parquet']));
    expect(bucket.reads.length).toBeLessThanOrEqual(2);
  });

  it('is not asked at all for what its meta.json rules out', async () => {
    const source = await cold();
    expect((await stacks(source, '{service_name="nobody"}')).requests).toBe(0);
    expect((await stacks(source, '{__unit__!~".*"}')).requests).toBe(0);
    const change = { startNs: source.range.endNs + 1n, endNs: source.range.endNs + 2n };
    expect((await stacks(source, '{}', change)).requests).toBe(0);
  });
});

describe('a warm block', () => {
  it('asks for data columns alone', async () => {
    const source = await cold();
    const change = { startNs: source.range.startNs + 1n };
    await stacks(source, '{pod="pod-0"}', change);
    bucket.forget();
    const { files, tree } = await stacks(source, '{pod="pod-1"}', change);
    expect(files).toEqual(['1 samples.parquet']);
    expect(tree?.size).toBeGreaterThan(100);
  });

  it('is loaded once for queries at the same time', async () => {
    const source = await cold();
    const query = everything(meta, 'cpu', '{pod="pod-0"}');
    const parts = await Promise.all(
      Array.from({ length: 5 }, () => source.stacks(query, testMeter())),
    );
    expect(
      new Set(parts.map((one) => JSON.stringify(one && 'tree' in one && [...one.tree.parents])))
        .size,
    ).toBe(1);
    const whole = bucket.reads.filter((one) => one.isWhole).map((one) => one.file);
    expect(whole.length).toBe(new Set(whole).size);
  });
});

describe('a query that ends early', () => {
  it('throws its reason, gives the kernel back and fails nobody else', async () => {
    const source = await cold();
    const query = everything(meta, 'cpu', '{}', { startNs: source.range.startNs + 1n });
    const abort = new AbortController();
    const lent = parts.kernels.bytesReserved();
    const failing = source.stacks(query, testMeter(abort.signal));
    const other = source.stacks(query, testMeter());
    abort.abort(new Error('gone'));
    await expect(failing).rejects.toThrow('gone');
    const part = await other;
    expect(part?.shape === 'functions' && stacksOfTree(part.tree).size).toBeGreaterThan(100);
    const meter = testMeter();
    const over = () => {
      throw new Error('over its bytes');
    };
    await expect((await cold()).stacks(query, { ...meter, fetch: over })).rejects.toThrow(
      'over its',
    );
    expect(parts.kernels.bytesReserved()).toBeLessThanOrEqual(lent * 2);
  });
});
