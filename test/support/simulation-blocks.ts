// What blocks hold, told by another Parquet reader than the one that will serve queries: the
// content keys, times and rows of their profiles. Owns the checks of a block against its
// `meta.json`.
import { tableFromIPC } from 'apache-arrow';
import { readParquet } from 'parquet-wasm/esm';
import { blockKey, metaFile } from '../../src/block/files.ts';
import { type BlockMeta, parseBlockMeta } from '../../src/block/meta.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';

export interface StoredProfile {
  /** Content key in hexadecimal. */
  key: string;
  timeNs: bigint;
  /** Rows: one a sample type. */
  rows: number;
}

export interface StoredBlock {
  tenant: string;
  meta: BlockMeta;
  profiles: StoredProfile[];
}

/** Reads blocks of buckets; a table that was read once is only compared the next time. */
export class BlockReader {
  readonly #known = new Map<string, { bytes: Uint8Array; profiles: StoredProfile[] }>();

  /** Every block below `tenants`, by `tenant/ulid`; throws for one that is not whole. */
  async read(bucket: Bucket, folderOf: (tenant: string) => string, tenants: readonly string[]) {
    const blocks = new Map<string, StoredBlock>();
    for (const tenant of tenants) {
      const folder = folderOf(tenant);
      const { objects } = await bucket.list(folder);
      const bytesOf = new Map(objects.map(({ key, bytes }) => [key, bytes]));
      for (const { key } of objects) {
        if (!key.endsWith(`/${metaFile}`)) continue;
        const meta = parseBlockMeta(await bucket.get(key), key);
        const prefix = `${folder}${meta.ulid}/`;
        if (key !== prefix + metaFile) throw new Error(`${key} is that of ${meta.ulid}`);
        if (meta.tenant !== tenant) throw new Error(`${key} is of tenant ${meta.tenant}`);
        for (const { name, bytes } of meta.files) {
          const found = bytesOf.get(prefix + name);
          if (found !== bytes) throw new Error(`${prefix}${name} is ${found} bytes of ${bytes}`);
        }
        const table = await bucket.get(folder + blockKey(meta.ulid, 'profiles.parquet'));
        const profiles = this.#profiles(`${tenant}/${meta.ulid}`, table);
        blocks.set(`${tenant}/${meta.ulid}`, { tenant, meta, profiles });
      }
    }
    return blocks;
  }

  /** Last sequence in the local blocks of each tenant. */
  async lastSequences(local: Bucket, tenants: readonly string[]): Promise<Map<string, number>> {
    const last = new Map<string, number>();
    for (const tenant of tenants) {
      const { objects } = await local.list(`tenants/${tenant}/local/`);
      for (const { key } of objects.filter((one) => one.key.endsWith(`/${metaFile}`))) {
        const { log } = parseBlockMeta(await local.get(key), key);
        last.set(tenant, Math.max(last.get(tenant) ?? 0, log.lastSequence));
      }
    }
    return last;
  }

  #profiles(name: string, bytes: Uint8Array): StoredProfile[] {
    const known = this.#known.get(name);
    if (known !== undefined) {
      if (Buffer.compare(known.bytes, bytes) !== 0)
        throw new Error(`block ${name} has two contents`);
      return known.profiles;
    }
    const profiles = readProfiles(bytes);
    this.#known.set(name, { bytes, profiles });
    return profiles;
  }
}

function readProfiles(bytes: Uint8Array): StoredProfile[] {
  const table = tableFromIPC(readParquet(bytes).intoIPCStream());
  const [uuids, times] = [table.getChild('uuid'), table.getChild('time_ns')];
  const found = new Map<string, StoredProfile>();
  for (let row = 0; row < table.numRows; row++) {
    const key = Buffer.from(uuids?.get(row) as Uint8Array).toString('hex');
    const one = found.get(key) ?? { key, timeNs: BigInt(times?.get(row)), rows: 0 };
    one.rows += 1;
    found.set(key, one);
  }
  return [...found.values()];
}
