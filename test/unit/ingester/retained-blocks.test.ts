// Which blocks retention may touch while a tenant is closed, being opened, or open.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { retainedBlocks } from '../../../src/ingester/retained-blocks.ts';
import { createLogger } from '../../../src/lib/log.ts';
import { BlockList } from '../../../src/phlaredb/block-list.ts';
import { Pins } from '../../../src/phlaredb/pins.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import { blockMeta, putFolder } from '../../support/retention.ts';

const meta = blockMeta('a', { createdMs: testStartMs });

function setUp(isUnsettled: boolean) {
  const forgotten: string[] = [];
  const pins = new Pins();
  const blocks = retainedBlocks({
    listTenants: async () => ['a'],
    databaseOf: () => undefined,
    isUnsettled: () => isUnsettled,
    folderOf: () => new MemoryBucket(),
    unshippedOf: async () => [],
    pins,
    onForget: (tenant, ulid) => forgotten.push(`${tenant}/${ulid}`),
  });
  return { blocks, pins, forgotten };
}

describe('the blocks of a closed tenant', () => {
  it('stay while its log has records that only they can tell apart', () => {
    expect(setUp(true).blocks.isPinned('a', meta.ulid)).toBe(true);
    expect(setUp(false).blocks.isPinned('a', meta.ulid)).toBe(false);
  });

  it('stay while a query reads them', () => {
    const { blocks, pins } = setUp(false);
    const unpin = pins.pin('a', meta.ulid);
    expect(blocks.isPinned('a', meta.ulid)).toBe(true);
    unpin();
    expect(blocks.isPinned('a', meta.ulid)).toBe(false);
  });
});

it('a list that is being read leaves out what is deleted meanwhile', async () => {
  const bucket = new MemoryBucket();
  await putFolder(bucket, '', meta);
  const log = createLogger({
    level: 'error',
    format: 'json',
    nowMs: () => 0,
    sink: () => undefined,
  });
  const list = new BlockList(bucket, log);
  const loading = list.load();
  list.forget(meta.ulid);
  await loading;
  expect(list.metas).toEqual([]);
});
