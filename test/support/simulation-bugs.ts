// Bugs planted under the real store, one at a time: parts of the platform that break a promise in
// the way a plausible mistake would. A simulation that finds none of them proves nothing.
import type { Bucket } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import type { FileHandle, FileSystem } from '../../src/lib/file-system.ts';
import { bound, boundStage } from './simulation-buckets.ts';
import { tenants } from './simulation-ledger.ts';
import { boundWal, type SabotageOf } from './simulation-world.ts';

/** By what goes wrong. */
export const plantedBugs: Readonly<Record<string, SabotageOf>> = {
  'the log is released before the block is committed': () => ({
    local: (inner, wal) => ({
      ...bound(inner),
      stage: async (prefix) => {
        const tenant = tenantOf(prefix);
        let last = 0;
        for await (const header of wal.headers()) {
          if (header.tenant === tenant) last = header.sequence;
        }
        const stage = await inner.stage(prefix);
        if (last > 0) await wal.release(tenant, last, prefix.slice(-27, -1));
        return stage;
      },
    }),
  }),

  'a commit of the log does not wait for its fsync': () => ({
    fileSystem: (inner) => withoutSync(inner, (path) => path.endsWith('.wal') || isSpare(path)),
  }),

  'a block is renamed into place and its folder not fsynced': () => ({
    fileSystem: (inner) => withoutSync(inner, (path) => path.endsWith('/local')),
  }),

  'a start trusts what a killed process did not fsync': () => ({ isUnswept: true }),

  'the tables of a block are not fsynced': () => ({
    fileSystem: (inner) => withoutSync(inner, (path) => path.endsWith('.parquet')),
  }),

  'a block is recorded as shipped before its meta is in the bucket': ({ scheduler }) => ({
    remote: (inner) => ({
      ...bound(inner),
      put: async (key, body, options) => {
        // It is sent later, by whoever is still there then.
        void scheduler
          .sleep(600_000)
          .then(() => inner.put(key, body, options))
          .catch(nothing);
        return true;
      },
    }),
  }),

  'retention takes every block for shipped': () => ({
    local: (inner) => ({ ...bound(inner), get: (key, o) => shippedAll(inner, key, o) }),
  }),

  'recent keys are forgotten at restart': () => ({
    wal: (inner) => boundWal(inner, { recentKeys: noKeys }),
  }),

  'a failed commit of a block is taken for a good one': () => ({
    local: (inner) => ({
      ...bound(inner),
      stage: async (prefix) => {
        const stage = await inner.stage(prefix);
        return { ...boundStage(stage), commit: (meta) => stage.commit(meta).catch(nothing) };
      },
    }),
  }),

  'a block does not tell which records it holds': () => ({
    local: (inner) => ({
      ...bound(inner),
      stage: async (prefix) => {
        const stage = await inner.stage(prefix);
        const commit = (meta: Uint8Array) => stage.commit(withoutSequence(meta));
        return { ...boundStage(stage), commit };
      },
    }),
  }),

  'a commit is answered as failed and then done': ({ random }) => ({
    wal: (inner) =>
      boundWal(inner, {
        commit: async (sequence) => {
          await inner.commit(sequence);
          if (random.below(20) === 0) throw new Failure('unavailable', 'log: time-out');
        },
      }),
  }),

  'a push is acknowledged before its commit': () => ({
    wal: (inner) =>
      boundWal(inner, {
        commit: async (sequence) => void inner.commit(sequence).catch(nothing),
      }),
  }),

  'a head is rebuilt from one record too late': () => ({
    wal: (inner) => boundWal(inner, { read: (tenant, from) => inner.read(tenant, from + 1) }),
  }),

  'a head is rebuilt from the records of all tenants': () => ({
    wal: (inner) =>
      boundWal(inner, {
        read: async function* (_tenant, from) {
          for (const each of tenants) yield* inner.read(each, from);
        },
      }),
  }),

  'the log forgets that it was released': () => ({
    wal: (inner) => boundWal(inner, { release: () => Promise.resolve() }),
  }),

  'a log that failed once stays failed': () => ({
    wal: (inner) => {
      let failure: string | undefined;
      return boundWal(inner, {
        failure: () => {
          failure ??= inner.failure();
          return failure;
        },
      });
    },
  }),
};

const isSpare = (path: string) => path.endsWith('/spare');

function nothing(): undefined {
  return undefined;
}

/** `tenants/<tenant>/local/<ULID>/` */
function tenantOf(prefix: string): string {
  return prefix.split('/')[1] ?? '';
}

/** Fsync of the chosen paths does nothing. */
function withoutSync(inner: FileSystem, isChosen: (path: string) => boolean): FileSystem {
  const open = async (path: string, flags: string) => {
    const file = await inner.open(path, flags);
    return isChosen(path) ? withSync(file, () => Promise.resolve()) : file;
  };
  return { ...inner, open };
}

function withSync(file: FileHandle, sync: () => Promise<void>): FileHandle {
  return { ...file, sync, datasync: sync };
}

async function shippedAll(
  inner: Bucket,
  key: string,
  options?: { signal?: AbortSignal },
): Promise<Uint8Array> {
  if (!key.endsWith('/shipper.json')) return inner.get(key, options);
  const folder = key.replace('shipper.json', 'local/');
  const { prefixes } = await inner.list(folder, { delimiter: '/' });
  const uploaded = prefixes.map((prefix) => prefix.slice(folder.length, -1));
  return new TextEncoder().encode(JSON.stringify({ version: 1, bucket: 'remote', uploaded }));
}

function withoutSequence(meta: Uint8Array): Uint8Array {
  const json = JSON.parse(new TextDecoder().decode(meta));
  json.log.lastSequence = 0;
  return new TextEncoder().encode(JSON.stringify(json));
}

/** As if the log had forgotten them. */
function noKeys(): never[] {
  return [];
}
