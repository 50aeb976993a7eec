// Memory beside the kernels': labels, for which heads are flushed, and what pushes inflate to.
import { expect, it } from 'vitest';
import { SeriesIndex } from '../../src/head/series.ts';
import { createDeferred } from '../../src/lib/deferred.ts';
import { labelsKey } from '../../src/model/labels.ts';
import { gzip } from '../../src/runtime/gzip.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { syntheticProfile } from '../fixtures/synthetic.ts';
import { blockMetas, startApp, until } from '../support/app.ts';
import { discarded, push, sized } from '../support/limited-app.ts';

const profiles = [syntheticProfile('repeatedStack')];
const series = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    labels: { __name__: 'cpu', service_name: `s${from + i}`, text: 'x'.repeat(2_000) },
    profiles,
  }));

it('gives back what a refused append counted', () => {
  const index = new SeriesIndex();
  const add = (service: string) => {
    const labels = [{ name: 'service_name', value: service }];
    index.getOrCreate(labelsKey(labels), labels);
  };
  add('a');
  const before = index.labelBytes;
  expect(before).toBeGreaterThan(0);
  add('a');
  expect(index.labelBytes).toBe(before);
  add('b'.repeat(100));
  expect(index.labelBytes).toBeGreaterThan(before + 100);
  index.truncate(1, 0);
  expect(index.labelBytes).toBe(before);
  index.truncate(0, 0);
  expect(index.labelBytes).toBe(0);
});

it('flushes a head for its labels', async () => {
  await using test = await startApp({}, { headBytesMax: '4MiB' });
  expect(await test.push(series(0, 900))).toMatchObject({ status: 200 });
  await test.app.tick(test.platform.clock.nowMs());
  const [block] = await blockMetas(test.platform.localBucket);
  expect(block?.meta.stats.numSeries).toBeGreaterThan(300);
  const full = 'pyroscope_head_flushed_reason_total{reason="max-block-bytes"}';
  expect(await test.metric(full)).toBeGreaterThan(0);
});

it('refuses what inflates to more than there is place for beside others', async () => {
  const held = createDeferred();
  const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 });
  const commit = wal.commit.bind(wal);
  wal.commit = (sequence) => held.promise.then(() => commit(sequence));
  // A quarter of the memory is for what pushes inflate to.
  await using test = await startApp({ wal }, { memoryMax: '64MiB' });
  const bomb = () => gzip(sized(4 * 2 ** 20));
  // Alone a push is let in, whatever it takes.
  const first = push(test, [bomb(), bomb(), bomb(), bomb(), bomb()]);
  await until(() => wal.bytesUsed() > 0);
  const refused = await push(test, [bomb()]);
  expect(refused).toMatchObject({ status: 503 });
  expect(refused.body).toContain('hold 20971520 inflated bytes and ask for 4194304 more');
  expect(await discarded(test, 'memory_limit')).toBe(1);
  held.resolve();
  expect(await first).toMatchObject({ status: 200 });
  expect(await push(test, [bomb()])).toMatchObject({ status: 200 });
});
