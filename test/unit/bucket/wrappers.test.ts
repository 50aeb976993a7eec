// The wrappers over memory: each keeps the contract, alone and stacked, and does its own thing.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { counted } from '../../../src/bucket/counted.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { prefixed } from '../../../src/bucket/prefixed.ts';
import { createPutStage } from '../../../src/bucket/put-stage.ts';
import { retrying } from '../../../src/bucket/retrying.ts';
import { Failure } from '../../../src/errors.ts';
import type { RetryPolicy } from '../../../src/lib/backoff.ts';
import { bucketContract } from '../../cases/bucket.ts';
import { bytesOf, chunked, textOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';

const clock = { monotonicMs: () => 0 };
const silent = { clock, onOperation: () => undefined };
const hidden = { hidesStagedFiles: true };

/** Waits no time and notes how long it would have. */
function policyOf(attempts = 3): RetryPolicy & { waitedMs: number[] } {
  const waitedMs: number[] = [];
  return {
    attempts,
    baseMs: 100,
    maxMs: 1_000,
    waitedMs,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      waitedMs.push(ms);
    },
  };
}

bucketContract(
  'prefixed',
  async () => {
    const memory = new MemoryBucket();
    // Neighbours that sort before, inside a longer name and after.
    for (const key of ['a', 'a/b', 'a/b0/x', 'a/c', 'z']) await memory.put(key, bytesOf('other'));
    return { bucket: prefixed(prefixed(memory, 'a/'), 'b/') };
  },
  hidden,
);
bucketContract(
  'retrying',
  async () => ({ bucket: retrying(new MemoryBucket(), policyOf()) }),
  hidden,
);
bucketContract('counted', async () => ({ bucket: counted(new MemoryBucket(), silent) }), hidden);
bucketContract(
  'the whole stack, with a stage made of puts,',
  async () => {
    const memory: Bucket = new MemoryBucket();
    const plain = {
      ...methodsOf(memory),
      stage: async (prefix: string) => createPutStage(memory, prefix),
    };
    return { bucket: prefixed(retrying(counted(plain, silent), policyOf()), 'tenants/one/') };
  },
  { hidesStagedFiles: false },
);

function methodsOf(bucket: Bucket): Bucket {
  return {
    name: bucket.name,
    get: bucket.get.bind(bucket),
    getRange: bucket.getRange.bind(bucket),
    head: bucket.head.bind(bucket),
    put: bucket.put.bind(bucket),
    putStream: bucket.putStream.bind(bucket),
    list: bucket.list.bind(bucket),
    delete: bucket.delete.bind(bucket),
    stage: bucket.stage.bind(bucket),
  };
}

describe('prefixed bucket', () => {
  it('keeps to its folder, under a name that says so', async () => {
    const memory = new MemoryBucket();
    const bucket = prefixed(memory, 'a/b/');
    await bucket.put('k', bytesOf('1'));
    expect((await memory.list('')).objects.map(({ key }) => key)).toEqual(['a/b/k']);
    expect(bucket.name).toBe('memory/a/b');
    for (const folder of ['', 'a', '/a/', '../', 'a//']) {
      expect(() => prefixed(memory, folder)).toThrow(Failure);
    }
  });
});

describe('retrying bucket', () => {
  const down = () => new Failure('unavailable', 'down');

  it('calls again what was unavailable, waiting longer each time', async () => {
    const policy = policyOf(4);
    const { bucket, calls, failNext } = faulty(new MemoryBucket());
    await bucket.put('k', bytesOf('v'));
    failNext(3, down);
    calls.length = 0;
    expect(textOf(await retrying(bucket, policy).get('k'))).toBe('v');
    expect(calls).toHaveLength(4);
    expect(policy.waitedMs).toEqual([50, 100, 200]);
  });

  it('gives up after its attempts with the last failure', async () => {
    const policy = policyOf(3);
    const { bucket, calls, failNext } = faulty(new MemoryBucket());
    let count = 0;
    failNext(Number.POSITIVE_INFINITY, () => new Failure('unavailable', `down ${++count}`));
    await expect(retrying(bucket, policy).put('k', bytesOf('v'))).rejects.toThrow('down 3');
    expect(calls).toHaveLength(3);
  });

  it('waits as long as the store asks, up to its bound', async () => {
    const policy = policyOf(3);
    const { bucket, failNext } = faulty(new MemoryBucket());
    failNext(1, () => new Failure('unavailable', 'slow down', { retryAfterSeconds: 0.5 }));
    await retrying(bucket, policy).list('');
    failNext(1, () => new Failure('unavailable', 'slow down', { retryAfterSeconds: 60 }));
    await retrying(bucket, policy).list('');
    expect(policy.waitedMs).toEqual([500, 1_000]);
  });

  it('does not repeat other failures, conditional puts and aborted calls', async () => {
    const { bucket, calls, failNext } = faulty(new MemoryBucket());
    const retried = retrying(bucket, policyOf());
    await expect(retried.get('nothing')).rejects.toMatchObject({ kind: 'missing' });
    failNext(1, down);
    const conditional = retried.put('k', bytesOf('v'), { onlyIfAbsent: true });
    await expect(conditional).rejects.toMatchObject({ kind: 'unavailable' });
    expect(calls).toHaveLength(2);
    const controller = new AbortController();
    failNext(1, () => {
      controller.abort(new Error('left'));
      return down();
    });
    await expect(retried.get('k', { signal: controller.signal })).rejects.toThrow('left');
    expect(calls).toHaveLength(3);
  });

  it('repeats a stream only as long as nothing was taken from it', async () => {
    const policy = policyOf();
    const { bucket, failNext } = faulty(new MemoryBucket());
    const retried = retrying(bucket, policy);
    failNext(2, down);
    expect(await retried.putStream('k', chunked(bytesOf('abc'), 2))).toBe(3);
    expect(textOf(await bucket.get('k'))).toBe('abc');
    failNext(1, down, 'late');
    const consumed = retried.putStream('k', chunked(bytesOf('new'), 1));
    await expect(consumed).rejects.toMatchObject({ kind: 'unavailable' });
    const stage = await retried.stage('s/');
    failNext(2, down);
    expect(await stage.putStream('t', chunked(bytesOf('abc'), 2))).toBe(3);
    failNext(1, down);
    await stage.commit(bytesOf('{}'));
    expect(textOf(await bucket.get('s/meta.json'))).toBe('{}');
  });
});

describe('counted bucket', () => {
  it('tells operation, time, bytes and failure of every call', async () => {
    let nowMs = 0;
    const seen: unknown[][] = [];
    const { bucket, failNext } = faulty(new MemoryBucket());
    const counting = counted(bucket, {
      clock: { monotonicMs: () => (nowMs += 5) },
      onOperation: (...operation) => seen.push(operation),
    });
    await counting.put('k', bytesOf('12345'));
    await counting.put('k', bytesOf('1'), { onlyIfAbsent: true });
    await counting.putStream('s', chunked(bytesOf('123'), 1));
    await counting.get('k');
    await counting.getRange('k', { offset: 1, length: 2 });
    await counting.head('k');
    await counting.list('');
    await counting.delete('k');
    await expect(counting.get('k')).rejects.toMatchObject({ kind: 'missing' });
    failNext(1, () => new Failure('unavailable', 'down'));
    await expect(counting.get('s')).rejects.toMatchObject({ kind: 'unavailable' });
    const signal = AbortSignal.abort(new Error('left'));
    await expect(counting.get('s', { signal })).rejects.toThrow('left');
    const stage = await counting.stage('b/');
    await stage.putStream('t', chunked(bytesOf('1234'), 3));
    await stage.commit(bytesOf('{}'));
    expect(seen).toEqual([
      ['upload', 5, 5, false],
      ['upload', 5, 0, false],
      ['upload', 5, 3, false],
      ['get', 5, 5, false],
      ['get_range', 5, 2, false],
      ['attributes', 5, 0, false],
      ['iter', 5, 0, false],
      ['delete', 5, 0, false],
      ['get', 5, 0, false],
      ['get', 5, 0, true],
      ['get', 5, 0, false],
      ['upload', 5, 4, false],
      ['upload', 5, 2, false],
    ]);
  });
});
