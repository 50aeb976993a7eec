// The golden block in buckets of every layout, for the commands that look at blocks.
import { readFile } from 'node:fs/promises';
import xxhash from 'xxhash-wasm';
import { metaFile, tableFile, tableNames } from '../../../src/block/files.ts';
import { type BlockMeta, encodeBlockMeta, parseBlockMeta } from '../../../src/block/meta.ts';
import type { Bucket } from '../../../src/bucket/bucket.ts';

export const goldenUlid = '01J0GMDEN00000000000000000';
const golden = new URL(`../../golden/block/${goldenUlid}/`, import.meta.url);

/** The `n`-th of many, ascending. */
export function ulidOf(n: number): string {
  return `01J0GMDEN0${n.toString().padStart(16, '0')}`;
}

export async function goldenFile(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(name, golden)));
}

export async function goldenMeta(changes: Partial<BlockMeta> = {}): Promise<BlockMeta> {
  return { ...parseBlockMeta(await goldenFile(metaFile)), ...changes };
}

/** Puts the golden block as another one, with a `meta.json` that says so. */
export async function putGolden(
  bucket: Bucket,
  prefix: string,
  changes: Partial<BlockMeta> = {},
): Promise<void> {
  for (const table of tableNames) {
    await bucket.put(prefix + tableFile(table), await goldenFile(tableFile(table)));
  }
  await bucket.put(prefix + metaFile, encodeBlockMeta(await goldenMeta(changes)));
}

/** Where a tenant's block is in a bucket. */
export function bucketPrefix(tenant: string, ulid: string): string {
  return `${tenant}/phlaredb/${ulid}/`;
}

/** As a checksum is written in `meta.json`. */
export async function checksumOf(bytes: Uint8Array): Promise<string> {
  return (await xxhash()).h64Raw(bytes).toString(16).padStart(16, '0');
}
