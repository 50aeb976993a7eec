// A block of pushed profiles, made by the real head and flush, with a source over it whose reads
// are observed.
import { BlockSource } from '../../src/block/block-source.ts';
import type { BlockMeta } from '../../src/block/meta.ts';
import { createMatcher, parseSelector } from '../../src/model/matcher.ts';
import type { StackQuery } from '../../src/model/source.ts';
import { readerParts } from './block-folder.ts';
import { openDatabase } from './database.ts';
import { observedBucket } from './observed-bucket.ts';
import { type PushedModel, type PushedType, pushedTypes } from './pushed-model.ts';

export async function pushedBlock(model: PushedModel, cacheBytesMax?: number) {
  const { database, push, pool, blocks } = await openDatabase();
  for (const profile of model.profiles) {
    await push(profile.service, model.encode(profile), [{ name: 'pod', value: profile.pod }]);
  }
  await database.flush('api');
  const [meta, ...more] = database.blocks;
  if (meta === undefined || more.length > 0) throw new Error(`${more.length + 1} blocks, not one`);
  await database.close();
  const bucket = observedBucket(blocks);
  const parts = { ...(await readerParts(cacheBytesMax)), kernels: pool };
  return { memory: blocks, bucket, meta, parts, source: new BlockSource(parts, bucket, meta) };
}

/** Everything of the block, for one profile type. */
export function everything(
  meta: BlockMeta,
  type: PushedType,
  selector = '{}',
  parts: Partial<StackQuery> = {},
): StackQuery {
  const profileType = pushedTypes[type];
  return {
    selector: [...parseSelector(selector), createMatcher('__profile_type__', '=', profileType)],
    profileType,
    startNs: BigInt(meta.minTime) * 1_000_000n,
    endNs: BigInt(meta.maxTime + 1) * 1_000_000n,
    filter: {},
    shape: 'functions',
    ...parts,
  };
}
