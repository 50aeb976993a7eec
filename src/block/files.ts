// Names inside a bucket: the eight tables of a block, `meta.json`, and the keys of a block folder.
// Nothing else spells these names; `FORMAT.md` explains what the files hold.
import { Failure } from '../errors.ts';

/** Every table of a block, in the order in which they are written and listed. */
export const tableNames = [
  'series',
  'profiles',
  'samples',
  'totals',
  'stacktraces',
  'locations',
  'functions',
  'mappings',
] as const;
export type TableName = (typeof tableNames)[number];

/** The commit point of a block: written last, deleted first. */
export const metaFile = 'meta.json';

const tableSuffix = '.parquet';
/** A ULID in its canonical form: 26 upper-case Crockford characters, 128 bits. */
const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The file of a table inside the block folder: `samples.parquet`. */
export function tableFile(name: TableName): string {
  return `${name}${tableSuffix}`;
}

/** True for the name of a block's folder: a ULID in its canonical form. */
export function isUlid(name: string): boolean {
  return ulidPattern.test(name);
}

/** Prefix of all blocks of a tenant in the remote bucket. */
export function tenantBlocksPrefix(tenant: string): string {
  return `${tenant}/phlaredb/`;
}

/** Prefix of one block, relative to the tenant's blocks: `<ULID>/`. */
export function blockPrefix(ulid: string): string {
  if (!isUlid(ulid)) throw new Failure('internal', `block id is ${ulid}, not a ulid`);
  return `${ulid}/`;
}

/** Key of one file of a block, relative to the tenant's blocks: `<ULID>/samples.parquet`. */
export function blockKey(ulid: string, file: string): string {
  return `${blockPrefix(ulid)}${file}`;
}
