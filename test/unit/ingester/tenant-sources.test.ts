// What one query reads of a tenant: each profile in exactly one source, while heads become blocks
// and blocks move to the bucket, and nothing made by asking.
import { afterEach, describe, expect, it } from 'vitest';
import type { BlockMeta } from '../../../src/block/meta.ts';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { TenantSources } from '../../../src/ingester/tenant-sources.ts';
import type { Source } from '../../../src/model/source.ts';
import { Pins } from '../../../src/phlaredb/pins.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import { everything, freeMeter } from '../../support/meter.ts';
import { blockMeta, putFolder } from '../../support/retention.ts';

const profile = loadFixture('go-cpu').packed;

/** A tenant `a` with a database, and a bucket to ship to by hand. */
async function setUp() {
  const opened = await openDatabase();
  const remote = new MemoryBucket();
  const pins = new Pins();
  const sources = new TenantSources({
    findDatabase: async (tenant) => (tenant === 'a' ? opened.database : undefined),
    localBlocks: (tenant) => (tenant === 'a' ? opened.blocks : new MemoryBucket()),
    remoteBlocks: (tenant) => (tenant === 'a' ? remote : new MemoryBucket()),
    openBlock: (blocks, meta) => blockSource(blocks, meta, remote),
    pins,
    clock: { monotonicMs: () => 0 },
  });
  const ship = () => copy(opened.blocks, remote);
  return { ...opened, remote, pins, sources, ship };
}

/** Names where it was found; no table is read here. */
function blockSource(blocks: Bucket, { ulid, minTime, maxTime }: BlockMeta, remote: Bucket) {
  const range = { startNs: BigInt(minTime) * 1_000_000n, endNs: BigInt(maxTime) * 1_000_000n };
  const name = `${blocks === remote ? 'remote' : 'local'} ${ulid.slice(-1)}`;
  return { name, range } as Source;
}

async function copy(from: MemoryBucket, to: MemoryBucket): Promise<void> {
  for (const { key } of (await from.list('')).objects) await to.put(key, await from.get(key));
}

describe('the sources of a tenant', () => {
  let names: string[] = [];
  const look = async ({ sources }: Awaited<ReturnType<typeof setUp>>, tenant = 'a') => {
    const opened = await sources.open(tenant, undefined, freeMeter);
    names = opened.sources.map(({ name }) => name.replace(/^head .*(.)$/, 'head $1'));
    return opened;
  };
  afterEach(() => {
    names = [];
  });

  it('are a head, then a block of this machine, then the block of the bucket', async () => {
    const all = await setUp();
    await all.push('shop', profile);
    (await look(all)).close();
    expect(names).toEqual(['head 1']);
    await all.database.flush('api');
    (await look(all)).close();
    expect(names).toEqual(['local 1']);
    await all.ship();
    all.sources.forgetLocal('a');
    (await look(all)).close();
    expect(names).toEqual(['local 1']);
    const { ulid } = all.database.blocks[0] as BlockMeta;
    all.database.forget(ulid);
    all.sources.forgetLocal('a');
    (await look(all)).close();
    expect(names).toEqual(['remote 1']);
  });

  it('are blocks in the order they were made, wherever they lie', async () => {
    const all = await setUp();
    for (const service of ['shop', 'cart', 'desk']) {
      await all.push(service, profile);
      await all.database.flush('api');
    }
    await all.ship();
    const [first, , last] = all.database.blocks.map(({ ulid }) => ulid).sort();
    for (const ulid of [first, last]) all.database.forget(ulid as string);
    (await look(all)).close();
    expect(names).toEqual(['remote 1', 'local 2', 'remote 3']);
  });

  it('are live and sealed heads beside blocks', async () => {
    const all = await setUp();
    await all.push('shop', profile);
    await all.database.flush('api');
    await all.push('desk', profile);
    all.database.seal('api');
    await all.push('cart', profile);
    (await look(all)).close();
    expect(names.sort()).toEqual(['head 2', 'head 3', 'local 1']);
  });

  it('keep a head readable after its flush, and pin blocks until closed', async () => {
    const all = await setUp();
    await all.push('shop', profile);
    const opened = await look(all);
    const before = await opened.sources[0]?.series(everything, freeMeter);
    const reserved = all.pool.bytesReserved();
    await all.database.flush('api');
    expect(await opened.sources[0]?.series(everything, freeMeter)).toEqual(before);
    const again = await look(all);
    const { ulid } = all.database.blocks[0] as BlockMeta;
    expect(all.pins.isPinned('a', ulid)).toBe(true);
    opened.close();
    again.close();
    expect(all.pins.isPinned('a', ulid)).toBe(false);
    // The kernel waits in the pool: the next head takes it.
    await all.push('cart', profile);
    expect(all.pool.bytesReserved()).toBeLessThanOrEqual(reserved * 2);
  });

  it('leave out what does not overlap the range, and what a compacted block holds', async () => {
    const all = await setUp();
    const block = (index: number, hours: number, more: Partial<BlockMeta> = {}) => {
      const createdMs = testStartMs + hours * 3_600_000;
      return putFolder(all.remote, '', { ...blockMeta('a', { createdMs, index }), ...more });
    };
    await block(1, 0);
    await block(2, 1);
    const sources = [1, 2].map(
      (index) => blockMeta('a', { createdMs: testStartMs + (index - 1) * 3_600_000, index }).ulid,
    );
    await block(3, 0, { compaction: { level: 2, sources } });
    await block(4, 5);
    (await look(all)).close();
    expect(names).toEqual(['remote 3', 'remote 4']);
    const startNs = BigInt(testStartMs + 5 * 3_600_000) * 1_000_000n;
    const opened = await all.sources.open('a', { startNs, endNs: startNs + 1n }, freeMeter);
    expect(opened.sources.map(({ name }) => name)).toEqual(['remote 4']);
    opened.close();
  });

  it('are none for a tenant nobody knows', async () => {
    const all = await setUp();
    (await look(all, 'stranger')).close();
    expect(names).toEqual([]);
  });
});
