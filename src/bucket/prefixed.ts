// A bucket inside a bucket: every key gets a prefix on the way in and loses it on the way out.
// Owns the translation only; outermost in a stack of wrappers.
import type { Bucket } from './bucket.ts';
import { validateFolder, validateKey, validatePrefix } from './keys.ts';

/** The objects of `bucket` below `folder`, which ends in `/`. Buckets of a prefix nest. */
export function prefixed(bucket: Bucket, folder: string): Bucket {
  validateFolder(folder);
  // Checked before the prefix hides an empty key or a leading slash.
  const keyOf = (key: string) => {
    validateKey(key);
    return folder + key;
  };
  return {
    name: `${bucket.name}/${folder.slice(0, -1)}`,
    get: async (key, options) => bucket.get(keyOf(key), options),
    getRange: async (key, range, options) => bucket.getRange(keyOf(key), range, options),
    head: async (key, options) => ({ ...(await bucket.head(keyOf(key), options)), key }),
    put: async (key, body, options) => bucket.put(keyOf(key), body, options),
    putStream: async (key, chunks, options) => bucket.putStream(keyOf(key), chunks, options),
    delete: async (key, options) => bucket.delete(keyOf(key), options),
    list: async (prefix, options) => {
      validatePrefix(prefix);
      const page = await bucket.list(folder + prefix, options);
      return {
        objects: page.objects.map((info) => ({ ...info, key: info.key.slice(folder.length) })),
        prefixes: page.prefixes.map((found) => found.slice(folder.length)),
        // Opaque: whoever made it reads it again.
        cursor: page.cursor,
      };
    },
    stage: async (prefix) => {
      validateFolder(prefix);
      return bucket.stage(folder + prefix);
    },
  };
}
