// Blocks that do not verify when their tenant is opened: set aside, told, never deleted.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { prefixed } from '../../../src/bucket/prefixed.ts';
import { Failure } from '../../../src/errors.ts';
import { createLogger } from '../../../src/lib/log.ts';
import { createMetrics } from '../../../src/metrics/registry.ts';
import { BlockList } from '../../../src/phlaredb/block-list.ts';
import { quarantineBlocks } from '../../../src/phlaredb/block-quarantine.ts';
import { bytesOf, textOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { keysOf } from '../../support/retention.ts';
import { metaOf, putBlock, ulidOf } from '../../support/shipped-blocks.ts';

const [one, two] = [ulidOf(1), ulidOf(2)];
const prefix = 'local/';

/** Opens the tenant's folder as a start does. */
async function open(tenant: Bucket) {
  const lines: Record<string, unknown>[] = [];
  const sink = (line: string) => lines.push(JSON.parse(line));
  const log = createLogger({ level: 'info', format: 'json', nowMs: () => 0, sink });
  const metrics = createMetrics({ processMetrics: false });
  const [blocks, quarantine] = [prefixed(tenant, prefix), prefixed(tenant, 'quarantine/')];
  const list = new BlockList(blocks, log);
  await quarantineBlocks(await list.load(), { blocks, quarantine, metrics, log });
  const [count] = (await metrics.storage.quarantinedBlocks.get()).values;
  return { ulids: list.metas.map(({ ulid }) => ulid), lines, count: count?.value };
}

const damages: Record<string, (tenant: Bucket) => Promise<unknown>> = {
  'samples.parquet is missing': (tenant) => tenant.delete(`${prefix}${one}/samples.parquet`),
  'samples.parquet is 7 bytes, meta.json says 2002': (tenant) =>
    tenant.put(`${prefix}${one}/samples.parquet`, new Uint8Array(7)),
  'meta.json is not json': (tenant) => tenant.put(`${prefix}${one}/meta.json`, bytesOf('{')),
  'meta.json is that of': (tenant) =>
    tenant.put(`${prefix}${one}/meta.json`, bytesOf(JSON.stringify(metaOf(two)))),
};

describe('a block that does not verify', () => {
  it.each(Object.keys(damages))('goes to quarantine as it is: %s', async (problem) => {
    const tenant = new MemoryBucket();
    await putBlock(tenant, one);
    await putBlock(tenant, two);
    await damages[problem]?.(tenant);
    const before = (await keysOf(tenant)).filter((key) => key.includes(one));
    const contents = await Promise.all(before.map((key) => tenant.get(key)));
    const { ulids, lines, count } = await open(tenant);
    expect(ulids).toEqual([two]);
    expect(count).toBe(1);
    expect(lines).toMatchObject([{ level: 'error', block: one }]);
    expect(String(lines[0]?.['error'])).toContain(problem);
    const after = (await keysOf(tenant)).filter((key) => key.includes(one));
    expect(after).toEqual(before.map((key) => key.replace('local/', 'quarantine/')));
    expect(await Promise.all(after.map((key) => tenant.get(key)))).toEqual(contents);
  });

  it('is lost at no failure on the way, and moved by the next start', async () => {
    for (let index = 0; ; index++) {
      const tenant = new MemoryBucket();
      await putBlock(tenant, one);
      await tenant.put(`${prefix}${one}/meta.json`, bytesOf('{'));
      const names = (await keysOf(tenant)).map((key) => key.slice(prefix.length));
      const { bucket, calls, failAt } = faulty(tenant);
      // The first two calls list and read; without them there is no start.
      failAt(index + 2, () => new Failure('unavailable', 'no space left'));
      const { ulids } = await open(bucket);
      expect(ulids).toEqual([]);
      const kept = new Set((await keysOf(tenant)).map((key) => key.replace(/^\w+\//, '')));
      expect([...kept].sort()).toEqual(names.sort());
      await open(tenant);
      expect(await textOf(await tenant.get(`quarantine/${one}/meta.json`))).toBe('{');
      if (calls.length < index + 3) return;
    }
  });

  it('is none when it has no meta.json or is of a later version: those stay', async () => {
    const tenant = new MemoryBucket();
    await putBlock(tenant, one);
    await tenant.delete(`${prefix}${one}/meta.json`);
    await putBlock(tenant, two);
    await tenant.put(`${prefix}${two}/meta.json`, bytesOf('{"version":2}'));
    const before = await keysOf(tenant);
    const { ulids, lines } = await open(tenant);
    expect(ulids).toEqual([]);
    expect(await keysOf(tenant)).toEqual(before);
    expect(lines).toMatchObject([{ level: 'warn', block: two }]);
  });
});
