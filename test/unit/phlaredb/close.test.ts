// The end of a tenant's database: no instance is reset under a flush that reads it, and nobody who
// asks for a flush is told that there is nothing to flush while heads are left to the log.
import { expect, it } from 'vitest';
import { parseBlockMeta } from '../../../src/block/meta.ts';
import { Failure } from '../../../src/errors.ts';
import { createDeferred } from '../../../src/lib/deferred.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';

const { packed } = loadFixture('go-cpu');

it('lets a flush that is under way end before the instance is given back', async () => {
  const { database, pool, blocks, push } = await openDatabase();
  await push('shop', packed);
  const [begun, hold] = [createDeferred(), createDeferred()];
  const stage = blocks.stage.bind(blocks);
  blocks.stage = async (prefix) => {
    begun.resolve();
    await hold.promise;
    return stage(prefix);
  };
  let releasedCount = 0;
  const release = pool.release.bind(pool);
  pool.release = (kernel) => {
    releasedCount++;
    release(kernel);
  };
  const flushing = database.flush('api');
  await begun.promise;
  const closing = database.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(releasedCount).toBe(0);
  hold.resolve();
  await Promise.all([flushing, closing]);
  expect(releasedCount).toBe(1);
  const { objects } = await blocks.list('');
  const metaKey = objects.map(({ key }) => key).find((key) => key.endsWith('/meta.json')) ?? '';
  expect(parseBlockMeta(await blocks.get(metaKey))).toMatchObject({ stats: { numSeries: 2 } });
});

it('refuses a flush after a close that left heads to the log', async () => {
  const { database, blocks, push } = await openDatabase();
  await push('shop', packed);
  blocks.stage = () => Promise.reject(new Failure('unavailable', 'disk is full'));
  await expect(database.flush('stop')).rejects.toThrow('disk is full');
  await database.close();
  await expect(database.flush('api')).rejects.toThrow('tenant is closed, 1 heads are left to');
});

it('shows no query that there is nothing after a close that left heads to the log', async () => {
  const flushed = await openDatabase();
  await flushed.push('shop', packed);
  flushed.blocks.stage = () => Promise.reject(new Failure('unavailable', 'disk is full'));
  await expect(flushed.database.flush('stop')).rejects.toThrow('disk is full');
  expect(flushed.database.snapshot().heads).toHaveLength(1);
  await flushed.database.close();
  expect(() => flushed.database.snapshot()).toThrow(
    'tenant is closed, 1 heads are left to the log',
  );

  const live = await openDatabase();
  await live.push('shop', packed);
  await live.database.close();
  expect(() => live.database.snapshot()).toThrow('tenant is closed, its head is left to the log');
});

it('has nothing to flush after a close that left nothing', async () => {
  const { database, push } = await openDatabase();
  await push('shop', packed);
  await database.flush('stop');
  await database.close();
  await database.flush('api');
});
