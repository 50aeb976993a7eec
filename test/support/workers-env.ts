// The bindings that `vitest.workers.config.ts` gives to suites inside workerd.
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { R2Binding } from '../../src/bucket/r2.ts';
import type { ObjectStorage } from '../../src/wal/durable-object-table.ts';

interface ObjectNamespace {
  newUniqueId(): unknown;
  get(id: unknown): unknown;
}

export const workersEnv = env as { BUCKET: R2Binding; STORAGE_OBJECT: ObjectNamespace };

/** An object of its own; the answer runs work where its storage can be reached. */
export function openObject(): <R>(work: (storage: ObjectStorage) => Promise<R>) => Promise<R> {
  const id = workersEnv.STORAGE_OBJECT.newUniqueId();
  return (work) =>
    runInDurableObject(workersEnv.STORAGE_OBJECT.get(id), (_, { storage }) =>
      work(storage as ObjectStorage),
    );
}
