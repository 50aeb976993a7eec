// What the query bench asks: one service's CPU profiles in an app over memory, left in its head or
// flushed to blocks that all overlap in time, as those of several ingesters do. Owns the apps and
// a bucket in a real S3 server that answers as late as one on the network.
import { setTimeout as wait } from 'node:timers/promises';
import { type App, createApp } from '../../src/app.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { memoryPlatform, testSettings } from '../support/memory-platform.ts';
import { s3Credentials, startS3Server } from '../support/s3-server.ts';
import { steadyService } from '../support/steady-service.ts';
import { createKernel } from './ingest.ts';
import { type PushBody, requestBody } from './push-body.ts';
import { type Question, requestOf } from './questions.ts';

export interface StoreOptions {
  profiles: number;
  /** 0: all stay in the head. */
  blocks: number;
}

/** An app and the time of its profiles, in milliseconds since the epoch, both inclusive. */
export interface Store {
  app: App;
  local: MemoryBucket;
  remote: MemoryBucket;
  startMs: number;
  endMs: number;
  /** Samples of one profile type from a time on. */
  samplesFrom(ms: number): number;
}

const origin = 'http://127.0.0.1:4040';
/** Seconds that give profiles of about 500 stacks. */
const intervalMs = 20_000;
const distinctMax = 200;
const spacingMs = 300;
const pods = 8;
/** Room for all pushes. */
const logBytesMax = 2 ** 32;
const shipMsMax = 30_000;

/** An app over buckets; what it holds is what they hold. */
export async function startMemoryApp(localBucket: MemoryBucket, remoteBucket: Bucket) {
  const platform = await memoryPlatform({
    localBucket,
    remoteBucket: remoteBucket as MemoryBucket,
    wal: new MemoryWal({ id: '01J00000000000000000000000', bytesMax: logBytesMax }),
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
  });
  const file = { headBytesMax: '1GiB', memoryMax: '6GiB', headAgeMax: '24h', logBytesMax };
  const app = await createApp(platform, testSettings(file));
  await app.start();
  return app;
}

/** Pushes the profiles; every block has profiles of all of the time. */
export async function fillStore({ profiles, blocks }: StoreOptions): Promise<Store> {
  const [local, remote] = [new MemoryBucket(), new MemoryBucket()];
  const app = await startMemoryApp(local, remote);
  const bodies = await pushBodies(Math.min(profiles, distinctMax));
  const startMs = Date.now() - profiles * spacingMs;
  const parts = Math.max(1, blocks);
  for (let part = 0; part < parts; part++) {
    for (let at = part; at < profiles; at += parts) {
      const { body } = bodies[at % bodies.length] as Pushed;
      body.stamp(BigInt(startMs + at * spacingMs) * 1_000_000n);
      await answerOf(app, { path: '/push.v1.PusherService/Push', body: body.bytes });
    }
    if (blocks > 0) await answerOf(app, { path: '/flush', body: new Uint8Array() });
  }
  await shipped(remote, blocks);
  const samplesFrom = (ms: number) => {
    let samples = 0;
    for (let at = Math.ceil((ms - startMs) / spacingMs); at < profiles; at++) {
      samples += (bodies[at % bodies.length] as Pushed).samples;
    }
    return samples;
  };
  const endMs = startMs + (profiles - 1) * spacingMs;
  return { app, local, remote, startMs, endMs, samplesFrom };
}

interface Pushed {
  body: PushBody;
  samples: number;
}

async function pushBodies(count: number): Promise<Pushed[]> {
  const kernel = await createKernel();
  const profiles = [...steadyService({ kind: 'cpu', count, intervalMs })];
  return profiles.map(({ plain }, index) => {
    const labels = { __name__: 'process_cpu', service_name: 'bench', pod: `bench-${index % pods}` };
    return { body: requestBody(plain, labels), samples: kernel.scan(plain).sampleCount };
  });
}

async function shipped(remote: Bucket, blocks: number): Promise<void> {
  const endMs = performance.now() + shipMsMax;
  while (performance.now() < endMs) {
    const { objects } = await remote.list('');
    if (objects.filter(({ key }) => key.endsWith('/meta.json')).length === blocks) return;
    await wait(20);
  }
  throw new Error(`the bucket has not got ${blocks} blocks after ${shipMsMax} ms`);
}

/** The answer's body. Throws for any status that is no success. */
export async function answerOf(app: App, question: Question): Promise<Uint8Array> {
  const response = await app.fetch(requestOf(origin, question));
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.ok) return bytes;
  const text = new TextDecoder().decode(bytes);
  throw new Error(`${question.path} answered ${response.status}: ${text}`);
}

/** A bucket on an S3 server, which counts what it is asked. */
export interface S3Store extends AsyncDisposable {
  bucket: Bucket;
  /** Reads and lists since the last call. */
  take(): number;
}

const bucketName = 'bench';

/** What `from` holds, in an S3 server over HTTP that answers each GET `getDelayMs` later. */
export async function s3Store(from: Bucket, getDelayMs: number): Promise<S3Store> {
  const server = await startS3Server(bucketName);
  const { endpoint } = server;
  const options = { bucket: bucketName, endpoint, isPathStyle: true, credentials: s3Credentials };
  const s3 = new S3Bucket(options);
  for (const { key } of (await from.list('')).objects) await s3.put(key, await from.get(key));
  await server.delayGets(getDelayMs);
  let reads = 0;
  const bucket = new Proxy(s3, {
    get(target, name) {
      if (['get', 'getRange', 'head', 'list'].includes(String(name))) reads++;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    bucket,
    take: () => {
      const taken = reads;
      reads = 0;
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      s3.close();
      await server.close();
    },
  };
}
