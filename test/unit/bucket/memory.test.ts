// The memory bucket: the contract, and the time it tells.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { bucketContract } from '../../cases/bucket.ts';
import { bytesOf, chunked } from '../../support/bytes.ts';

bucketContract('memory', async () => ({ bucket: new MemoryBucket() }), { hidesStagedFiles: true });

describe('memory bucket', () => {
  it('tells when an object was last written, when it has a clock', async () => {
    let nowMs = 1_000;
    const bucket = new MemoryBucket({ nowMs: () => nowMs });
    await bucket.put('k', bytesOf('1'));
    nowMs = 2_000;
    await bucket.putStream('k', chunked(bytesOf('22'), 1));
    expect(await bucket.head('k')).toEqual({ key: 'k', bytes: 2, modifiedMs: 2_000 });
  });

  it('refuses to commit a folder twice', async () => {
    const bucket = new MemoryBucket();
    await bucket.put('b/meta.json', bytesOf('first'));
    const stage = await bucket.stage('b/');
    await expect(stage.commit(bytesOf('second'))).rejects.toMatchObject({ kind: 'invalid' });
  });
});
