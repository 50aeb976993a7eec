// Retention over random tenants, blocks, settings and faults: what must hold whatever they are.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import type { RetentionSettings } from '../../../src/ingester/retention.ts';
import { blockEndMs, retainedBlock } from '../../../src/ingester/retention-rules.ts';
import { testSettings, testStartMs } from '../../support/memory-platform.ts';
import { dayMs, hourMs, keysOf, LocalWorld, tick } from '../../support/retention.ts';

const anyBlock = fc.record({
  tenant: fc.constantFrom('a', 'b', 'c'),
  ageHours: fc.integer({ min: 0, max: 20 * 24 }),
  dataHours: fc.integer({ min: -72, max: 72 }),
  bytes: fc.integer({ min: 1, max: 250 }),
  isUnshipped: fc.boolean(),
  isPinned: fc.boolean(),
});

const anyScene = fc.record({
  blocks: fc.array(anyBlock, { maxLength: 16 }),
  isBucketConfigured: fc.boolean(),
  ageMs: fc.constantFrom<number | 'off'>('off', hourMs, 5 * dayMs, 12 * dayMs),
  bytes: fc.constantFrom<number | 'off'>('off', 400, 1_000),
  percent: fc.constantFrom(0, 5, 50),
  freeBytes: fc.integer({ min: 0, max: 2_000 }),
});
type Scene = typeof anyScene extends fc.Arbitrary<infer T> ? T : never;

const totalBytes = 20_000;

async function stage(scene: Scene) {
  const world = new LocalWorld();
  for (const [index, block] of scene.blocks.entries()) {
    const createdMs = testStartMs - block.ageHours * hourMs;
    const maxTime = createdMs + block.dataHours * hourMs;
    const { ulid } = await world.put(block.tenant, { ...block, createdMs, maxTime, index });
    if (block.isPinned) world.pinned.add(ulid);
  }
  world.disk = { totalBytes, others: 0 };
  world.disk.others = (await world.freeBytes()) - scene.freeBytes;
  const before = [...world.tenants].flatMap(([tenant, { metas }]) =>
    metas.map((meta) => ({
      key: `${tenant}/${meta.ulid}`,
      tenant,
      bytes: retainedBlock(meta).bytes,
      endMs: blockEndMs(meta.ulid, meta.maxTime),
      mayGo:
        !world.pinned.has(meta.ulid) &&
        !(scene.isBucketConfigured && world.unshipped.has(meta.ulid)),
    })),
  );
  const settings: RetentionSettings = {
    retentionLocalAge: scene.ageMs,
    retentionBytes: scene.bytes,
    retentionDiskFreePercent: scene.percent,
    retentionDiskFreeBytes: totalBytes,
  };
  const { isBucketConfigured } = scene;
  const retention = world.retention({}, { settings, isBucketConfigured });
  return { world, before, retention };
}

/** Data that ended before this is too old. */
function oldBeforeMs({ ageMs }: Scene, nowMs: number): number {
  return ageMs === 'off' ? 0 : nowMs - ageMs;
}

const sum = (blocks: { bytes: number }[]) => blocks.reduce((all, { bytes }) => all + bytes, 0);

describe('retention, whatever the blocks', () => {
  it('never deletes what is pinned, or not in a configured bucket', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async (scene) => {
        const { world, before, retention } = await stage(scene);
        await tick(retention, testStartMs);
        const gone = before.filter(({ key }) => world.forgotten.includes(key));
        expect(gone.filter(({ mayGo }) => !mayGo)).toEqual([]);
        expect(gone).toHaveLength(world.forgotten.length);
      }),
      { numRuns: 200 },
    );
  });

  it('deletes all that is too old, and beyond it no more than is needed', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async (scene) => {
        const { world, before, retention } = await stage(scene);
        await tick(retention, testStartMs);
        const beforeMs = oldBeforeMs(scene, testStartMs);
        const isOld = ({ endMs }: { endMs: number }) => endMs < beforeMs;
        const kept = before.filter(({ key }) => !world.forgotten.includes(key));
        expect(kept.filter((block) => block.mayGo && isOld(block))).toEqual([]);
        const last = before.find(({ key }) => key === world.forgotten.at(-1));
        if (last === undefined || isOld(last)) return;
        const bytesBefore = sum(kept) + last.bytes;
        const isOverBytes = scene.bytes !== 'off' && bytesBefore > scene.bytes;
        const isLow = (await world.freeBytes()) - last.bytes < (totalBytes * scene.percent) / 100;
        expect(isOverBytes || isLow).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps no block that may go and is older than one that went, within a tenant', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async (scene) => {
        const { world, before, retention } = await stage(scene);
        await tick(retention, testStartMs);
        const wentMs = new Map<string, number>();
        for (const { key, tenant, endMs } of before) {
          if (!world.forgotten.includes(key)) continue;
          wentMs.set(tenant, Math.max(endMs, wentMs.get(tenant) ?? 0));
        }
        const passedOver = before.filter(
          ({ key, tenant, endMs, mayGo }) =>
            mayGo && !world.forgotten.includes(key) && endMs < (wentMs.get(tenant) ?? 0),
        );
        expect(passedOver).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('meets the bounds or has nothing left, and refuses only below the floor', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async (scene) => {
        const { world, before, retention } = await stage(scene);
        await tick(retention, testStartMs);
        const kept = before.filter(({ key }) => !world.forgotten.includes(key));
        const left = sum(kept.filter(({ mayGo }) => mayGo));
        if (scene.bytes !== 'off' && kept.some(({ mayGo }) => mayGo)) {
          expect(sum(kept)).toBeLessThanOrEqual(scene.bytes);
        }
        const freeBytes = await world.freeBytes();
        const lowBytes = Math.floor((totalBytes * scene.percent) / 100);
        const floorBytes = Math.floor(lowBytes / 10);
        // Either there is enough, or all that is left would not be.
        if (freeBytes < floorBytes) expect(freeBytes + left).toBeLessThan(floorBytes);
        expect(retention.diskFailure() !== undefined).toBe(freeBytes < floorBytes);
      }),
      { numRuns: 200 },
    );
  });

  it('ends with whole blocks whatever fails, and the next passes make it good', async () => {
    const anyFaults = fc.infiniteStream(fc.boolean());
    await fc.assert(
      fc.asyncProperty(anyScene, anyFaults, async (scene, faults) => {
        const { world, before } = await stage(scene);
        let isFaulty = true;
        const fail = () => {
          if (isFaulty && faults.next().value) throw new Failure('unavailable', 'disk is broken');
        };
        const folder = (tenant: string) => {
          const bucket = world.blocks.folder(tenant);
          const broken: typeof bucket = Object.create(bucket);
          broken.delete = async (key, options) => {
            fail();
            await bucket.delete(key, options);
          };
          broken.list = async (prefix, options) => {
            fail();
            return bucket.list(prefix, options);
          };
          return broken;
        };
        const settings = testSettings({ retentionDiskFreePercent: 0 });
        const retention = world.retention(
          {},
          {
            settings: { ...settings, retentionLocalAge: scene.ageMs },
            blocks: { ...world.blocks, folder },
            isBucketConfigured: scene.isBucketConfigured,
          },
        );
        await tick(retention, testStartMs);
        for (const tenant of world.tenants.keys()) {
          const keys = await keysOf(world.folder(tenant).bucket);
          for (const ulid of world.listed(tenant)) {
            expect(keys.filter((key) => key.startsWith(ulid))).toHaveLength(3);
          }
        }
        isFaulty = false;
        await tick(retention, testStartMs + hourMs);
        const lateMs = oldBeforeMs(scene, testStartMs + hourMs);
        const left = before.filter(({ endMs, mayGo }) => !mayGo || endMs >= lateMs);
        const keys = await Promise.all(
          [...world.tenants.values()].map(({ bucket }) => keysOf(bucket)),
        );
        expect(keys.flat()).toHaveLength(left.length * 3);
      }),
      { numRuns: 200 },
    );
  });
});
