// Queries over blocks without a server: the engine in this process, over a bucket, a data folder,
// one tenant's folder of either, a folder of blocks or one block. Owns which of them a place is;
// reads only what a query needs, and writes nothing.
import { setImmediate as nextTurn } from 'node:timers/promises';
import xxhash from 'xxhash-wasm';
import { BlockCache } from '../block/block-cache.ts';
import { BlockSource, type BlockSourceParts } from '../block/block-source.ts';
import { isUlid } from '../block/files.ts';
import type { BlockMeta } from '../block/meta.ts';
import { initParquet } from '../block/parquet.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { prefixed } from '../bucket/prefixed.ts';
import { Failure } from '../errors.ts';
import { TenantSources } from '../ingester/tenant-sources.ts';
import { KernelPool } from '../kernel/pool.ts';
import { MemoryBudget } from '../lib/memory-budget.ts';
import { defaultLimits, type Limits } from '../limits/limits.ts';
import { rangesOverlap, type SourceProvider } from '../model/source.ts';
import { msRange } from '../model/time.ts';
import { Pins } from '../phlaredb/pins.ts';
import type { Clock } from '../platform.ts';
import { createQueries } from '../query/service.ts';
import { loadHeadModule, loadQueryModule } from '../runtime/kernel-modules.ts';
import { loadParquetModule } from '../runtime/parquet-module.ts';
import { type BlocksFolder, blockIds, blocksFolders, readOnlyBlock } from './blocks.ts';
import type { Queries } from './remote-queries.ts';
import { openTarget } from './target.ts';

const mebibyte = 1024 * 1024;
/** One merge, or the symbols of one block. */
const kernelBytesMax = 1_024 * mebibyte;
const idleKernelsMax = 4;
const cacheBytesMax = 256 * mebibyte;
/** What blocks that are read at the same time may take together. */
const memoryBytesMax = 512 * mebibyte;
/** Tenants that are looked at when none is named. */
const tenantsMax = 100;

/** A person at a terminal may ask for any time: what bounds a query is its size. */
const limits: Readonly<Limits> = {
  ...defaultLimits,
  queryLookbackMs: 0,
  queryLengthMaxMs: 0,
  queryTimeMaxMs: 0,
};

const clock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

/** The calls over the place; `tenant` is the one that was named. Throws `invalid` and `missing`. */
export async function localQueries(target: string, tenant: string | undefined): Promise<Queries> {
  const [headModule, queryModule, parquetModule, hasher] = await Promise.all([
    loadHeadModule(),
    loadQueryModule(),
    loadParquetModule(),
    xxhash(),
  ]);
  const pool = new KernelPool({
    modules: { head: headModule, query: queryModule },
    random: (bytes) => crypto.getRandomValues(bytes),
    headBytesMax: kernelBytesMax,
    keepIdleMax: idleKernelsMax,
  });
  const parts: BlockSourceParts = {
    parquet: initParquet(parquetModule),
    hasher,
    kernels: pool,
    cache: new BlockCache({ bytesMax: cacheBytesMax }),
  };
  const provider = await providerOf(target, tenant, parts);
  const memory = new MemoryBudget({
    what: 'queries',
    bytesMax: () => memoryBytesMax,
    oneBytesMax: kernelBytesMax,
  });
  const limitsOf = () => limits;
  return createQueries({ provider, pool, limitsOf, clock, yield: () => nextTurn(), memory });
}

async function providerOf(
  target: string,
  tenant: string | undefined,
  parts: BlockSourceParts,
): Promise<SourceProvider> {
  const bucket = await openTarget({ words: [target], flags: {} });
  const only = await readOnlyBlock(bucket);
  if (only === undefined) {
    const folder = await chooseFolder(bucket, tenant);
    const blocks = folder.prefix === '' ? bucket : prefixed(bucket, folder.prefix);
    return new TenantSources({
      findDatabase: async () => undefined,
      localBlocks: () => blocks,
      remoteBlocks: undefined,
      openBlock: (from, meta) => new BlockSource(parts, from, meta),
      pins: new Pins(),
      clock,
    });
  }
  if (only.state.kind === 'damaged') throw new Failure('corrupt', only.state.problem);
  if (only.state.kind !== 'block') throw new Failure('missing', `${target} is no block`);
  return blockProvider(target, only.state.meta, parts);
}

/** One block: read through the folder above it, as all blocks are. */
async function blockProvider(
  target: string,
  meta: BlockMeta,
  parts: BlockSourceParts,
): Promise<SourceProvider> {
  const [path = '', ...options] = target.split('?');
  const match = /^(.*?)([^/\\]+)[/\\]*$/.exec(path);
  if (match === null || match[2] !== meta.ulid) {
    throw new Failure('invalid', `the folder of block ${meta.ulid} is not named so`);
  }
  const above = [match[1] === '' ? '.' : match[1], ...options].join('?');
  const blocks = await openTarget({ words: [above], flags: {} });
  const source = new BlockSource(parts, blocks, meta);
  return {
    open: async (_tenant, range) => ({
      sources:
        range === undefined || rangesOverlap(msRange(meta.minTime, meta.maxTime), range)
          ? [source]
          : [],
      close: () => undefined,
    }),
  };
}

/** The folder with the tenant's blocks; without a name the only one that has any. */
async function chooseFolder(bucket: Bucket, tenant: string | undefined): Promise<BlocksFolder> {
  const found: BlocksFolder[] = [];
  let count = 0;
  for await (const folder of blocksFolders(bucket)) {
    const isMeant = tenant === undefined || (folder.tenant ?? tenant) === tenant;
    if (!isMeant) continue;
    count += 1;
    if (tenant === undefined && count > tenantsMax) {
      const where = `${bucket.name} holds more than ${tenantsMax} tenants`;
      throw new Failure('invalid', `${where}, --tenant NAME tells which`);
    }
    if (await hasBlocks(bucket, folder)) found.push(folder);
  }
  const [first] = found;
  if (first === undefined) {
    const whose = tenant === undefined ? '' : ` of tenant ${tenant}`;
    throw new Failure('missing', `${bucket.name} holds no blocks${whose}`);
  }
  if (found.length === 1) return first;
  const names = found.map((folder) => folder.tenant ?? folder.prefix).join(' ');
  throw new Failure(
    'invalid',
    `${bucket.name} holds several tenants, --tenant tells which: ${names}`,
  );
}

async function hasBlocks(bucket: Bucket, folder: BlocksFolder): Promise<boolean> {
  for await (const id of blockIds(bucket, folder)) if (isUlid(id)) return true;
  return false;
}
