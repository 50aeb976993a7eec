// The end of an app: refusing at once, and saying what is not safe.
import { expect, it } from 'vitest';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { Failure } from '../../src/errors.ts';
import { createDeferred } from '../../src/lib/deferred.ts';
import { startApp, until } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const { packed } = loadFixture('go-cpu');

it('is not ready from the first turn of a stop, whatever a tick is still writing', async () => {
  const test = await startApp({ remoteBucket: undefined }, { headAgeMax: '1h' });
  const { localBucket } = test.platform;
  await test.push([{ labels, profiles: [packed] }]);
  const stage = localBucket.stage.bind(localBucket);
  const [begun, written] = [createDeferred(), createDeferred()];
  localBucket.stage = async (prefix) => {
    begun.resolve();
    await written.promise;
    return stage(prefix);
  };
  test.platform.advance(3_600_000);
  await test.app.tick(test.platform.clock.nowMs());
  test.platform.advance(300_000);
  const ticking = test.app.tick(test.platform.clock.nowMs());
  await begun.promise;
  const stopping = test.app.stop();
  const { status, body } = await test.get('/ready');
  expect([status, body]).toEqual([503, 'not ready: ingester is stopping\n']);
  expect((await test.push([{ labels, profiles: [packed] }])).status).toBe(503);
  written.resolve();
  await Promise.all([ticking, stopping]);
  expect(test.platform.wal.bytesUsed()).toBe(0);
});

it('tells which blocks are not in the bucket, and up to when all is there', async () => {
  const remote = new MemoryBucket();
  const put = remote.put.bind(remote);
  let isDown = false;
  remote.put = (key, body, options) =>
    isDown ? Promise.reject(new Failure('missing', 'no such bucket')) : put(key, body, options);
  const test = await startApp({ remoteBucket: remote });
  const at = (iso: string) => BigInt(Date.parse(iso)) * 1_000_000n;
  await test.push([{ labels, profiles: [stamped(packed, at('2026-01-02T03:00:00Z'))] }]);
  await test.flush();
  await until(async () => (await test.metric('pyroscope_shipper_uploads_total')) === 1);
  isDown = true;
  await test.push([{ labels, profiles: [stamped(packed, at('2026-01-02T03:01:00Z'))] }]);
  const names = '1 blocks are not in the bucket: 0\\w{25}';
  const upTo = 'all is there up to 2026-01-02T03:00:00.000Z';
  const message = new RegExp(`^tenant anonymous: ${names}; ${upTo}$`);
  await expect(test.app.stop()).rejects.toThrow(message);
});
