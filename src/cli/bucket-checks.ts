// What phlox does with a bucket, one small check each. Owns what is needed and what is only nice;
// every key lies under the prefix it is given, which its caller empties.
import type { Bucket, ListOptions } from '../bucket/bucket.ts';
import { Failure, isFailure } from '../errors.ts';

export interface CheckContext {
  bucket: Bucket;
  /** Ends in `/`. */
  prefix: string;
  signal: AbortSignal;
}

export interface BucketCheck {
  name: string;
  /** Without it blocks cannot be stored, read or removed. */
  isNeeded: boolean;
  /** Works in a bucket that takes no put. */
  isReadOnly?: boolean;
  /** Throws what the bucket answered, or `corrupt` for an answer that is wrong. */
  run(context: CheckContext): Promise<void>;
}

const body = new TextEncoder().encode('continuous profiles in, plain Parquet out');
const mib = 1024 * 1024;
/** More than one part of an upload, which is 8 MiB, and an odd number. */
const streamBytes = 9 * mib + 1;
const streamChunkBytes = mib;

const puts: readonly BucketCheck[] = [
  {
    name: 'put',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      await bucket.put(`${prefix}object`, body, { signal });
    },
  },
  {
    name: 'overwrite',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const key = `${prefix}overwritten`;
      await bucket.put(key, body, { signal });
      await bucket.put(key, body.subarray(0, 3), { signal });
      expectBytes(await bucket.get(key, { signal }), body.subarray(0, 3));
    },
  },
  {
    name: 'multipart upload',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const key = `${prefix}stream`;
      const stored = await bucket.putStream(key, streamChunks(), { signal });
      expectEqual('bytes stored', stored, streamBytes);
      expectEqual('bytes of the object', (await bucket.head(key, { signal })).bytes, streamBytes);
      // Across the border of the parts, and the end.
      for (const offset of [8 * mib - 500, streamBytes - 1_000]) {
        const range = { offset, length: 1_000 };
        expectBytes(await bucket.getRange(key, range, { signal }), patternAt(offset, 1_000));
      }
    },
  },
  {
    name: "names with !*'()",
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const key = `${prefix}a!b*c'(d)-_.e/f`;
      await bucket.put(key, body, { signal });
      expectBytes(await bucket.get(key, { signal }), body);
      const { objects } = await bucket.list(key.slice(0, -2), { signal });
      expectEqual('keys listed', objects.map((object) => object.key).join(), key);
    },
  },
  {
    name: 'empty object',
    isNeeded: false,
    async run({ bucket, prefix, signal }) {
      const key = `${prefix}empty`;
      await bucket.put(key, new Uint8Array(), { signal });
      expectBytes(await bucket.get(key, { signal }), new Uint8Array());
    },
  },
  {
    name: 'put if absent',
    isNeeded: false,
    async run({ bucket, prefix, signal }) {
      const key = `${prefix}once`;
      const options = { onlyIfAbsent: true, signal };
      expectEqual('first put stored', await bucket.put(key, body, options), true);
      const isStored = await bucket.put(key, body.subarray(1), options);
      expectEqual('second put stored', isStored, false);
      expectBytes(await bucket.get(key, { signal }), body);
    },
  },
];

const reads: readonly BucketCheck[] = [
  {
    name: 'get',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      expectBytes(await bucket.get(`${prefix}object`, { signal }), body);
    },
  },
  {
    name: 'get range',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const range = { offset: 5, length: 10 };
      const found = await bucket.getRange(`${prefix}object`, range, { signal });
      expectBytes(found, body.subarray(5, 15));
    },
  },
  {
    name: 'get suffix',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const found = await bucket.getRange(`${prefix}object`, { suffix: 7 }, { signal });
      expectBytes(found, body.subarray(-7));
    },
  },
  {
    name: 'range past the end',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const rangeOf = (offset: number) =>
        bucket.getRange(`${prefix}object`, { offset, length: 100 }, { signal });
      expectBytes(await rangeOf(10), body.subarray(10));
      expectBytes(await rangeOf(body.length), new Uint8Array());
    },
  },
  {
    name: 'head',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      const { bytes } = await bucket.head(`${prefix}object`, { signal });
      expectEqual('bytes', bytes, body.length);
    },
  },
  {
    name: 'missing object',
    isNeeded: true,
    isReadOnly: true,
    async run({ bucket, prefix, signal }) {
      await expectMissing('head', bucket.head(`${prefix}nothing`, { signal }));
      await expectMissing('get', bucket.get(`${prefix}nothing`, { signal }));
    },
  },
];

const listed = ['a', 'b/c', 'b/d', 'e'];

const lists: readonly BucketCheck[] = [
  {
    name: 'list',
    isNeeded: true,
    isReadOnly: true,
    async run({ bucket, prefix, signal }) {
      await bucket.list(prefix, { pageSize: 1, signal });
    },
  },
  {
    name: 'list in order, paged',
    isNeeded: true,
    async run(context) {
      const { bucket, prefix, signal } = context;
      for (const name of listed) await bucket.put(`${prefix}list/${name}`, body, { signal });
      const { keys } = await listAll(context, { pageSize: 2 });
      expectEqual('keys listed', keys.join(), listed.join());
    },
  },
  {
    name: 'list folders',
    isNeeded: true,
    async run(context) {
      const { keys, prefixes } = await listAll(context, { delimiter: '/' });
      expectEqual('keys listed', keys.join(), 'a,e');
      expectEqual('folders listed', prefixes.join(), 'b/');
    },
  },
];

const deletes: readonly BucketCheck[] = [
  {
    name: 'delete',
    isNeeded: true,
    async run({ bucket, prefix, signal }) {
      await bucket.delete(`${prefix}object`, { signal });
      await expectMissing('get after delete', bucket.get(`${prefix}object`, { signal }));
      // A deletion whose answer was lost is said again.
      await bucket.delete(`${prefix}object`, { signal });
    },
  },
];

/** In the order in which they are run: later ones read what earlier ones stored. */
export const bucketChecks: readonly BucketCheck[] = [
  ...puts.slice(0, 1),
  ...reads,
  ...lists,
  ...puts.slice(1),
  ...deletes,
];

async function listAll({ bucket, prefix, signal }: CheckContext, options: ListOptions) {
  const folder = `${prefix}list/`;
  const keys: string[] = [];
  const prefixes: string[] = [];
  let cursor: string | undefined;
  // A server whose pages never end must not hold us.
  for (let page = 0; page < 2 * listed.length; page++) {
    const found = await bucket.list(folder, { ...options, signal, ...(cursor && { cursor }) });
    keys.push(...found.objects.map(({ key }) => key.slice(folder.length)));
    prefixes.push(...found.prefixes.map((each) => each.slice(folder.length)));
    cursor = found.cursor;
    if (cursor === undefined) return { keys, prefixes };
  }
  throw new Failure('corrupt', `a listing of ${listed.length} objects does not end`);
}

async function* streamChunks(): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < streamBytes; offset += streamChunkBytes) {
    yield patternAt(offset, Math.min(streamChunkBytes, streamBytes - offset));
  }
}

/** Bytes `offset …` of the stream: no piece of it equals another one nearby. */
function patternAt(offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(offset + i, 0x9e3779b1) >>> 24;
  return bytes;
}

async function expectMissing(what: string, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (isFailure(error, 'missing')) return;
    throw error;
  }
  throw new Failure('corrupt', `${what} of an object that is not there finds one`);
}

function expectEqual<T extends string | number | boolean>(what: string, found: T, expected: T) {
  if (found !== expected) throw new Failure('corrupt', `${what}: ${found}, expected ${expected}`);
}

function expectBytes(found: Uint8Array, expected: Uint8Array): void {
  expectEqual('bytes read', found.length, expected.length);
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) throw new Failure('corrupt', `byte ${at} of ${found.length} is not what was stored`);
}
