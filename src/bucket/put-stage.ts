// A stage for object stores, which have no folders to rename: files are put where they will stay
// and `meta.json` last. Owns the order; readers take a folder without `meta.json` for nothing.
import { assert } from '../errors.ts';
import type { Bucket, Stage } from './bucket.ts';
import { metaName, validateFolder, validateStageName } from './keys.ts';

/** Stages `prefix` by plain puts and deletes of `bucket`. */
export function createPutStage(bucket: Bucket, prefix: string): Stage {
  validateFolder(prefix);
  const started = new Set<string>();
  let state: 'open' | 'committed' | 'aborted' = 'open';
  return {
    async putStream(name, chunks, options) {
      assert(state === 'open', `stage of ${prefix} is ${state}`);
      validateStageName(name);
      // Noted before the call: one that failed late may have stored something after all.
      started.add(name);
      return bucket.putStream(prefix + name, chunks, options);
    },
    async commit(meta) {
      assert(state === 'open', `stage of ${prefix} is ${state}`);
      started.add(metaName);
      await bucket.put(prefix + metaName, meta);
      state = 'committed';
    },
    async abort() {
      if (state === 'committed') return;
      state = 'aborted';
      // Deleted first, for a commit whose answer was lost may have written it.
      if (started.delete(metaName)) await bucket.delete(prefix + metaName);
      for (const name of started) {
        await bucket.delete(prefix + name);
        started.delete(name);
      }
    },
  };
}
