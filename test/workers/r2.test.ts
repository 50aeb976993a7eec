// R2 by its binding, inside workerd: the contract, and what only R2 has.
import { describe, expect, it } from 'vitest';
import { R2Bucket } from '../../src/bucket/r2.ts';
import { bucketContract } from '../cases/bucket.ts';
import { bytesOf, chunked, patterned } from '../support/bytes.ts';
import { workersEnv } from '../support/workers-env.ts';

async function open(): Promise<R2Bucket> {
  const bucket = new R2Bucket(workersEnv.BUCKET, 'BUCKET');
  // One bucket for all cases, which run one after the other.
  for (;;) {
    const { objects } = await bucket.list('');
    if (objects.length === 0) return bucket;
    for (const { key } of objects) await bucket.delete(key);
  }
}

bucketContract('R2 in workerd', async () => ({ bucket: await open() }), {
  hidesStagedFiles: false,
});

describe('R2 in workerd', () => {
  it('tells when an object was last written', async () => {
    const bucket = await open();
    const beforeMs = Date.now() - 1_000;
    await bucket.put('k', bytesOf('x'));
    const { modifiedMs } = await bucket.head('k');
    expect(modifiedMs).toBeGreaterThan(beforeMs);
    expect((await bucket.list('')).objects).toEqual([{ key: 'k', bytes: 1, modifiedMs }]);
  });

  it('takes streams of exactly one and of two whole parts', async () => {
    const bucket = await open();
    for (const bytes of [5 * 1024 * 1024, 10 * 1024 * 1024]) {
      const body = patterned(bytes);
      expect(await bucket.putStream('s', chunked(body, 1_234_567))).toBe(bytes);
      expect(Buffer.compare(await bucket.get('s'), body)).toBe(0);
    }
  });
});
