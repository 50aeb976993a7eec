// Reading a block to a function tree: from samples and from totals with warm symbols, and cold. The
// bucket is memory, so the figures are of decoding and summing alone.
import xxhash from 'xxhash-wasm';
import { BlockCache } from '../../src/block/block-cache.ts';
import { BlockSource } from '../../src/block/block-source.ts';
import { blockPrefix } from '../../src/block/files.ts';
import { type BlockMeta, encodeBlockMeta } from '../../src/block/meta.ts';
import { initParquet } from '../../src/block/parquet.ts';
import { writeBlock } from '../../src/block/writer.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { KernelPool } from '../../src/kernel/pool.ts';
import { createMatcher } from '../../src/model/matcher.ts';
import type { SourceMeter, StackQuery } from '../../src/model/source.ts';
import { loadHeadModule, loadQueryModule } from '../../src/runtime/kernel-modules.ts';
import { loadParquetModule } from '../../src/runtime/parquet-module.ts';
import { metaOf } from '../support/block-model.ts';
import { type Shape, steadyShape } from './block-size-tables.ts';
import { type BenchOptions, interleave, type Row, row } from './measure.ts';

const ulid = '01J0GMDEN00000000000000000';
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const meter: SourceMeter = {
  signal: new AbortController().signal,
  fetch: () => undefined,
  takes: () => undefined,
  pause: nextTurn,
};

export async function blockReadRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  const profilesPerService = isSmoke ? 4 : 170;
  const shape = steadyShape({ kind: 'cpu', services: 8, profilesPerService });
  const parquet = initParquet(await loadParquetModule());
  const { blocks, meta } = await store(shape, parquet);
  const kernels = new KernelPool({
    modules: { head: await loadHeadModule(), query: await loadQueryModule() },
    random: (bytes) => crypto.getRandomValues(bytes),
    headBytesMax: 2 ** 28,
    keepIdleMax: 2,
  });
  const hasher = await xxhash();
  const open = () => {
    const cache = new BlockCache({ bytesMax: 2 ** 28 });
    return new BlockSource({ parquet, cache, hasher, kernels }, blocks, meta);
  };
  const warm = open();
  const query = queryOf(meta);
  const ofType = meta.datasets.filter(({ profileType }) => profileType === query.profileType);
  const samples = ofType.reduce((sum, dataset) => sum + dataset.samples[1], 0);
  // One nanosecond less than all of the time, so that the samples are needed.
  const part = { ...query, startNs: query.startNs + 1n };
  await warm.stacks(part, meter);
  const before = parquet.memoryBytes();
  const ms = await interleave(isSmoke ? 2 : 15, {
    samples: () => timed(warm, part),
    totals: () => timed(warm, query),
    cold: () => timed(open(), part),
  });
  for (let i = 0; i < (isSmoke ? 5 : 100); i++) await warm.stacks(part, meter);
  const growth = (parquet.memoryBytes() - before) / 2 ** 20;
  return [
    row('read a block, warm symbols', (ms.samples * 1e6) / samples, ' ns/sample', '≤ 50'),
    row('read a block, cold', (ms.cold * 1e6) / samples, ' ns/sample'),
    row('read the totals of a block', ms.totals, ' ms'),
    row('decoder memory gained by a hundred reads', growth, ' MiB'),
    { name: 'read', value: samples, text: `${samples} samples` },
  ];
}

async function timed(source: BlockSource, query: StackQuery): Promise<undefined> {
  const part = await source.stacks(query, meter);
  if (part?.shape !== 'functions' || part.tree.parents.length < 100) throw new Error('no tree');
  return undefined;
}

async function store({ block, tables }: Shape, parquet: ReturnType<typeof initParquet>) {
  const blocks = new MemoryBucket();
  const stage = await blocks.stage(blockPrefix(ulid));
  const { files } = await writeBlock({ tables, stage, parquet, yield: nextTurn });
  const meta = metaOf(block, ulid, files);
  await stage.commit(encodeBlockMeta(meta));
  return { blocks, meta };
}

function queryOf(meta: BlockMeta): StackQuery {
  const profileType = meta.datasets[0]?.profileType ?? '';
  return {
    selector: [createMatcher('__profile_type__', '=', profileType)],
    profileType,
    startNs: BigInt(meta.minTime) * 1_000_000n,
    endNs: BigInt(meta.maxTime + 1) * 1_000_000n,
    filter: {},
    shape: 'functions',
  };
}
