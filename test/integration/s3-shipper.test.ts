// The shipper over S3: the fault loop, faults made by the server itself, and from a local disk.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { prefixed } from '../../src/bucket/prefixed.ts';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { shipperFaultCases } from '../cases/shipper.ts';
import { type MadeBucket, makeS3Bucket, testS3Endpoint } from '../support/s3-buckets.ts';
import { type S3Server, s3Credentials, startS3Server } from '../support/s3-server.ts';
import {
  blockFiles,
  blocksSeen,
  metaOf,
  putBlock,
  shipping,
  ulidOf,
} from '../support/shipped-blocks.ts';

let server: S3Server;
let bucket: S3Bucket;
let count = 0;

beforeAll(async () => {
  server = await startS3Server('profiles');
  bucket = new S3Bucket({
    bucket: 'profiles',
    endpoint: server.endpoint,
    isPathStyle: true,
    credentials: s3Credentials,
    requestTimeoutMs: 2_000,
  });
});
afterAll(async () => {
  bucket.close();
  await server.close();
});

/** A tenant of its own in the one bucket. */
const makeRemote = async (): Promise<Bucket> => prefixed(bucket, `t${count++}/phlaredb/`);
const active = () => new AbortController().signal;
const block = ulidOf(1);

shipperFaultCases('s3 (s3rver)', makeRemote);

describe('shipper over s3', () => {
  it('completes a block of which the server refused or cut off any object', async () => {
    for (const name of blockFiles) {
      for (const isLate of [false, true]) {
        const local = new MemoryBucket();
        await putBlock(local, block);
        const remote = await makeRemote();
        const { shipper } = shipping(local, remote);
        const answer = { kind: 'answer', status: 503, code: 'SlowDown', isLate } as const;
        await server.spoil({ method: 'PUT', includes: name, ...answer });
        expect((await shipper.sync(active())).failed).toHaveLength(1);
        const isThere = name === 'meta.json' && isLate;
        expect(await blocksSeen(local, remote)).toEqual(isThere ? { [block]: 'whole' } : {});
        const second = await shipper.sync(active());
        expect(second).toMatchObject(isThere ? { found: [block] } : { uploaded: [block] });
        expect(await blocksSeen(local, remote)).toEqual({ [block]: 'whole' });
      }
    }
  });

  it('completes a block from a disk whose large table is aborted at any part', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'phlox-shipper-'));
    try {
      const local = new FilesystemBucket(folder);
      const { files } = metaOf(block);
      const bytes = 20 * 1024 * 1024 + 1;
      const large = files.map((file) =>
        file.name === 'samples.parquet' ? { ...file, bytes } : file,
      );
      await putBlock(local, block, { files: large });
      const remote = await makeRemote();
      const { shipper } = shipping(local, remote);
      for (const includes of ['partNumber=1', 'partNumber=2', 'partNumber=3']) {
        await server.spoil({ method: 'PUT', includes, kind: 'hang' });
        const controller = new AbortController();
        const timer = setTimeout(() => controller.abort(new Error('stopping')), 700);
        const report = await shipper.sync(controller.signal);
        clearTimeout(timer);
        expect(report.pending).toEqual([block]);
        expect(await blocksSeen(local, remote)).toEqual({});
        expect(await server.unfinishedUploads()).toEqual([]);
      }
      expect((await shipper.sync(active())).uploaded).toEqual([block]);
      expect(await blocksSeen(local, remote)).toEqual({ [block]: 'whole' });
      expect(await new FilesystemBucket(folder).sweep()).toBe(0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(testS3Endpoint === undefined)('PHLOX_TEST_S3', () => {
  let made: MadeBucket;
  beforeAll(async () => {
    made = await makeS3Bucket(testS3Endpoint ?? '');
  });
  afterAll(() => made.close());
  const makeTenant = async () => prefixed(made.bucket, `t${count++}/`);
  // Where a fault strikes is the wrapper's doing; one moment shows what the server makes of it.
  shipperFaultCases('s3 (real server)', makeTenant, ['midway']);
});
