// Blocks in memory for tests of readers: written by the real writer from plain models, and a meter
// that counts. Owns nothing of what they mean.
import xxhash from 'xxhash-wasm';
import { BlockCache } from '../../src/block/block-cache.ts';
import { BlockReader } from '../../src/block/block-reader.ts';
import { blockPrefix } from '../../src/block/files.ts';
import { type BlockMeta, encodeBlockMeta } from '../../src/block/meta.ts';
import { initParquet } from '../../src/block/parquet.ts';
import { writeBlock } from '../../src/block/writer.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import type { SourceMeter } from '../../src/model/source.ts';
import type { Table } from '../../src/model/table.ts';
import { loadParquetModule } from '../../src/runtime/parquet-module.ts';
import { type ModelBlock, metaOf } from './block-model.ts';
import { nextTurn } from './duckdb.ts';
import { type ObservedBucket, observedBucket } from './observed-bucket.ts';
import { tablesOf } from './tables.ts';

export const testUlid = '01J0GMDEN00000000000000000';

export interface TestMeter extends SourceMeter {
  /** Counted so far. */
  bytes: number;
  pauses: number;
}

export function testMeter(signal: AbortSignal = new AbortController().signal): TestMeter {
  const meter: TestMeter = {
    signal,
    bytes: 0,
    pauses: 0,
    fetch: (bytes) => {
      meter.bytes += bytes;
    },
    takes: () => undefined,
    pause: async () => {
      meter.pauses++;
      await nextTurn();
      signal.throwIfAborted();
    },
  };
  return meter;
}

export async function testParquet() {
  return initParquet(await loadParquetModule());
}

/**
 * The tables as a block in a bucket of its own, with the `meta.json` of the model; or that of
 * `like`, with the files as they are.
 */
export async function storeBlock(
  model: ModelBlock,
  tables?: readonly Table[],
  like?: BlockMeta,
): Promise<{ bucket: ObservedBucket; memory: MemoryBucket; meta: BlockMeta }> {
  const memory = new MemoryBucket();
  const stage = await memory.stage(blockPrefix(testUlid));
  const parquet = await testParquet();
  const { files } = await writeBlock({
    tables: tables ?? tablesOf(model),
    stage,
    parquet,
    yield: nextTurn,
  });
  const meta = like === undefined ? metaOf(model, testUlid, files) : { ...like, files };
  // Tables of a test's own may contradict the model's meta, which readers are handed as it is.
  await stage.commit(
    tables === undefined && like === undefined ? encodeBlockMeta(meta) : new Uint8Array(),
  );
  return { bucket: observedBucket(memory), memory, meta };
}

/** Parts of a reader, with an empty cache. */
export async function readerParts(cacheBytesMax = 64 * 1024 * 1024) {
  return {
    parquet: await testParquet(),
    cache: new BlockCache({ bytesMax: cacheBytesMax }),
    hasher: await xxhash(),
  };
}

export async function openReader(
  block: { bucket: ObservedBucket; meta: BlockMeta },
  parts?: Awaited<ReturnType<typeof readerParts>>,
): Promise<BlockReader> {
  const place = { bucket: block.bucket, prefix: blockPrefix(testUlid), ulid: testUlid };
  return new BlockReader(parts ?? (await readerParts()), place, block.meta);
}
