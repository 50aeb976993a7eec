// When an app next wants to be called: an object's alarm follows it alone.
import { expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const { packed } = loadFixture('go-cpu');
const hourMs = 3_600_000;

async function push(test: TestApp, time: number): Promise<number> {
  return (await test.push([{ labels, profiles: [stamped(packed, BigInt(time))] }])).status;
}

it('is never, then the boundary of the head, then never again', async () => {
  await using test = await startApp({ remoteBucket: undefined });
  expect(test.app.dueAtMs(testStartMs)).toBe(Number.POSITIVE_INFINITY);
  await push(test, 1);
  expect(test.app.dueAtMs(testStartMs)).toBe(Math.ceil(testStartMs / hourMs) * hourMs);
  await test.flush();
  expect(test.app.dueAtMs(testStartMs)).toBe(Number.POSITIVE_INFINITY);
});

it('is at once when the log is short of room, until a tick has made some', async () => {
  await using test = await startApp({ remoteBucket: undefined }, { logBytesMax: '1MiB' });
  let time = 0;
  while (test.platform.wal.bytesUsed() <= 0.75 * 2 ** 20) {
    expect(test.app.dueAtMs(testStartMs)).toBeGreaterThan(testStartMs);
    expect(await push(test, ++time)).toBe(200);
  }
  expect(test.app.dueAtMs(testStartMs)).toBe(testStartMs);
  await test.app.tick(testStartMs);
  expect(test.platform.wal.bytesUsed()).toBe(0);
  expect(test.app.dueAtMs(testStartMs)).toBe(Number.POSITIVE_INFINITY);
});

it('is at once when memory is short and the tenant holds much of it', async () => {
  await using test = await startApp(
    { remoteBucket: undefined },
    { memoryMax: '64MiB', logBytesMax: '1TiB' },
  );
  let time = 0;
  while (test.app.dueAtMs(testStartMs) > testStartMs) {
    expect(await push(test, ++time)).toBe(200);
    expect(time).toBeLessThan(3_000);
  }
  await test.app.tick(testStartMs);
  expect(await push(test, ++time)).toBe(200);
  expect(test.app.dueAtMs(testStartMs)).toBeGreaterThan(testStartMs);
}, 60_000);
