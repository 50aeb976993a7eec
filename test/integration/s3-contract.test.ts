// The S3 bucket against s3rver: the contract, and what happens when the server or the network
// misbehaves.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { bucketContract } from '../cases/bucket.ts';
import { bytesOf, chunked, patterned, textOf } from '../support/bytes.ts';
import { type S3Fault, type S3Server, s3Credentials, startS3Server } from '../support/s3-server.ts';

const caseCount = 60;
const names = Array.from({ length: caseCount }, (_, i) => `case-${i}`);
let server: S3Server;
const open: S3Bucket[] = [];

beforeAll(async () => {
  server = await startS3Server('faults', ...names);
});
afterAll(async () => {
  for (const bucket of open) bucket.close();
  await server.close();
});

function connect(bucket: string, requestTimeoutMs = 30_000): S3Bucket {
  const made = new S3Bucket({
    bucket,
    endpoint: server.endpoint,
    isPathStyle: true,
    credentials: s3Credentials,
    requestTimeoutMs,
  });
  open.push(made);
  return made;
}

bucketContract(
  's3 (s3rver)',
  async () => {
    const name = names.pop();
    if (name === undefined) throw new Error(`the contract has more than ${caseCount} cases`);
    return { bucket: connect(name) };
  },
  { hidesStagedFiles: false },
);

describe('s3 bucket', () => {
  it('leaves no part of an upload that failed or was aborted', async () => {
    const bucket = connect('faults');
    const reason = new Error('broke');
    const breaking = async function* () {
      yield* chunked(patterned(20 * 1024 * 1024), 1_000_000);
      throw reason;
    };
    await expect(bucket.putStream('big', breaking())).rejects.toBe(reason);
    const controller = new AbortController();
    const aborting = async function* () {
      yield* chunked(patterned(20 * 1024 * 1024), 1_000_000);
      controller.abort(reason);
      yield bytesOf('more');
    };
    const aborted = bucket.putStream('big', aborting(), { signal: controller.signal });
    await expect(aborted).rejects.toBe(reason);
    expect(await server.unfinishedUploads()).toEqual([]);
    expect((await bucket.list('big')).objects).toEqual([]);
  });

  it('stops reading the source when a part is refused', async () => {
    const bucket = connect('faults');
    await server.spoil({ method: 'PUT', includes: 'partNumber=1', kind: 'answer', ...slowDown });
    let chunkCount = 0;
    let isEnded = false;
    const source = async function* () {
      try {
        for (; chunkCount < 1_000; chunkCount++) yield patterned(1024 * 1024);
      } finally {
        isEnded = true;
      }
    };
    const put = bucket.putStream('endless', source());
    await expect(put).rejects.toMatchObject({ kind: 'unavailable' });
    expect(chunkCount).toBeLessThan(100);
    expect(isEnded).toBe(true);
    expect(await server.unfinishedUploads()).toEqual([]);
  });

  it('says unavailable for throttling, 5xx, time-outs and broken connections', async () => {
    const bucket = connect('faults', 700);
    await bucket.put('k', bytesOf('0123456789'));
    const faults: Omit<S3Fault, 'method'>[] = [
      { kind: 'answer', ...slowDown },
      { kind: 'answer', status: 500, code: 'InternalError' },
      { kind: 'answer', status: 429, code: 'TooManyRequests' },
      { kind: 'answer', status: 403, code: 'AccessDenied' },
      { kind: 'hang' },
      { kind: 'cut' },
      { kind: 'stall' },
    ];
    for (const fault of faults) {
      await server.spoil({ method: 'GET', includes: '/k', ...fault });
      const get = bucket.get('k').then(textOf, (error: { kind: string }) => error.kind);
      expect([fault, await get]).toEqual([fault, 'unavailable']);
    }
    expect(textOf(await bucket.get('k'))).toBe('0123456789');
    await server.spoil({ method: 'PUT', kind: 'hang' });
    await expect(bucket.put('k', bytesOf('x'))).rejects.toMatchObject({ kind: 'unavailable' });
    await server.spoil({ method: 'HEAD', kind: 'answer', ...slowDown });
    await expect(bucket.head('k')).rejects.toMatchObject({ kind: 'unavailable' });
    await server.spoil({ method: 'GET', includes: 'list-type', kind: 'answer', ...slowDown });
    await expect(bucket.list('')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('leaves a request that hangs or stalls when its signal is aborted', async () => {
    const bucket = connect('faults');
    await bucket.put('k', bytesOf('v'));
    for (const kind of ['hang', 'stall'] as const) {
      await server.spoil({ method: 'GET', includes: '/k', kind });
      const controller = new AbortController();
      const get = bucket.get('k', { signal: controller.signal });
      setTimeout(() => controller.abort(new Error(`left ${kind}`)), 100);
      await expect(get).rejects.toThrow(`left ${kind}`);
    }
  });

  it('does not store a put later that was aborted or timed out on a used connection', async () => {
    const bucket = connect('faults', 500);
    const aborted = { signal: AbortSignal.timeout(100) };
    for (const options of [{}, aborted]) {
      await bucket.put('late', bytesOf('old'));
      await server.spoil({ method: 'PUT', includes: '/late', kind: 'hang' });
      await expect(bucket.put('late', bytesOf('new'), options)).rejects.toBeInstanceOf(Error);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(textOf(await bucket.get('late'))).toBe('old');
    }
  });

  it('decides a conditional put that raced with another', async () => {
    const bucket = connect('faults');
    const conflict = { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' } as const;
    await bucket.put('taken', bytesOf('theirs'));
    await server.spoil({ method: 'PUT', ...conflict });
    expect(await bucket.put('taken', bytesOf('ours'), { onlyIfAbsent: true })).toBe(false);
    await server.spoil({ method: 'PUT', ...conflict });
    const undecided = bucket.put('free', bytesOf('ours'), { onlyIfAbsent: true });
    await expect(undecided).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not call a bucket that is not there an object that is not there', async () => {
    const bucket = connect('no-such-bucket');
    for (const call of [() => bucket.get('k'), () => bucket.list(''), () => bucket.put('k', x)]) {
      await expect(call()).rejects.toMatchObject({ kind: 'unavailable' });
    }
  });

  it('says unavailable when nobody listens', async () => {
    const bucket = new S3Bucket({
      bucket: 'faults',
      endpoint: 'http://127.0.0.1:9',
      isPathStyle: true,
      credentials: s3Credentials,
    });
    await expect(bucket.get('k')).rejects.toMatchObject({ kind: 'unavailable' });
    const put = bucket.putStream('k', chunked(x, 1));
    await expect(put).rejects.toMatchObject({ kind: 'unavailable' });
    bucket.close();
  });

  it('leaves out keys of others that are not valid here', async () => {
    const bucket = connect('faults');
    const marker = `${server.endpoint}/faults/console/folder/`;
    expect((await fetch(marker, { method: 'PUT', body: '' })).status).toBe(200);
    await bucket.put('console/folder/object', x);
    const page = await bucket.list('console/folder/');
    expect(page.objects.map(({ key }) => key)).toEqual(['console/folder/object']);
  });

  it('never shows its credentials', async () => {
    const bucket = connect('faults');
    const failure = await bucket.get('nothing').catch((error: Error) => error);
    expect(`${bucket.name} ${String(failure)}`).not.toContain(s3Credentials.secretAccessKey);
  });
});

const slowDown = { status: 503, code: 'SlowDown' };
const x = bytesOf('x');
