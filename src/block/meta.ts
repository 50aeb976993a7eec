// `meta.json`: the commit point of a block and all that is known of it without opening a table.
// Owns its shape, its version and the checks made before it is written and after it is read.
import * as v from 'valibot';
import { Failure, messageOf } from '../errors.ts';
import { isUlid, type TableName, tableFile, tableNames } from './files.ts';

/** The only version there is; any other is refused, because its promises are unknown. */
export const metaVersion = 1;

/** Far above what a block can have (about 400 bytes a dataset), far below what hurts to parse. */
const metaBytesMax = 64 * 1024 * 1024;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const ms = v.pipe(v.number(), v.safeInteger());
const ulid = v.pipe(v.string(), v.check(isUlid, 'not a ulid'));
/** First row and how many. */
const range = v.tuple([count, count]);

const fileSchema = v.object({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9_-]+\.parquet$/, 'not a table file')),
  bytes: count,
  rows: count,
  /** XXH64 of the whole file, seed 0, 16 lower-case hexadecimal digits. */
  checksum: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, 'not 16 hexadecimal digits')),
  /** Footer with its 8-byte trailer: the suffix of the file that a reader needs first. */
  footerBytes: count,
});

const datasetSchema = v.object({
  serviceName: v.string(),
  profileType: v.string(),
  series: range,
  profiles: range,
  samples: range,
  totals: range,
  /** Milliseconds, rounded down, of the first and the last profile. */
  minTime: ms,
  maxTime: ms,
});

const metaSchema = v.object({
  version: v.literal(metaVersion),
  ulid,
  tenant: v.pipe(v.string(), v.nonEmpty()),
  /** Milliseconds, rounded down, of the first and the last profile: both inclusive. */
  minTime: ms,
  maxTime: ms,
  stats: v.object({ numSeries: count, numProfiles: count, numSamples: count }),
  /** The tables, in the order of `tableNames`. */
  files: v.array(fileSchema),
  compaction: v.object({ level: count, sources: v.array(ulid) }),
  /** What made the block: `ingester`. */
  source: v.pipe(v.string(), v.nonEmpty()),
  labels: v.record(v.string(), v.string()),
  /** The log whose records up to and including `lastSequence` are in this or an earlier block. */
  log: v.object({ id: v.string(), lastSequence: count }),
  /** One per (service, profile type), in row order. */
  datasets: v.array(datasetSchema),
});

export type FileEntry = v.InferOutput<typeof fileSchema>;
export type Dataset = v.InferOutput<typeof datasetSchema>;
export type BlockMeta = v.InferOutput<typeof metaSchema>;

/** The bytes of `meta.json`. Throws `internal` when the meta contradicts itself. */
export function encodeBlockMeta(meta: BlockMeta): Uint8Array {
  const problem = problemOf(meta);
  if (problem) throw new Failure('internal', `meta.json of block ${meta.ulid}: ${problem}`);
  return new TextEncoder().encode(`${JSON.stringify(meta, undefined, 1)}\n`);
}

/**
 * The meta of a block. Keys it does not know are dropped. Throws `corrupt` for another version,
 * for what is not a meta, and for one that contradicts itself; `name` says where it was found.
 */
export function parseBlockMeta(bytes: Uint8Array, name: string = 'meta.json'): BlockMeta {
  if (bytes.length > metaBytesMax) {
    throw new Failure('corrupt', `${name} is ${bytes.length} bytes, limit ${metaBytesMax}`);
  }
  const json = parseJson(bytes, name);
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== metaVersion) {
    const found = JSON.stringify(version) ?? 'missing';
    throw new Failure('corrupt', `${name} has version ${found}, supported ${metaVersion}`);
  }
  const problem = problemOf(json);
  if (problem) throw new Failure('corrupt', `${name}: ${problem}`);
  return v.parse(metaSchema, json);
}

/** True for the `meta.json` of a later version of phlox: what it promises is not known. */
export function isNewerMeta(bytes: Uint8Array): boolean {
  try {
    const { version } = parseJson(bytes, 'meta.json') as { version?: unknown };
    return typeof version === 'number' && version > metaVersion;
  } catch {
    // Whoever parses it says what is wrong with it.
    return false;
  }
}

/** The entry of one table. */
export function fileOf(meta: BlockMeta, table: TableName): FileEntry {
  const entry = meta.files.find((file) => file.name === tableFile(table));
  if (!entry) throw new Failure('corrupt', `block ${meta.ulid} has no ${tableFile(table)}`);
  return entry;
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const message = `${name} is not json: ${messageOf(error)}`;
    throw new Failure('corrupt', message, { cause: error });
  }
}

/** What is wrong with a meta, in one line; undefined when nothing is. */
function problemOf(json: unknown): string | undefined {
  const result = v.safeParse(metaSchema, json);
  if (!result.success) {
    const [issue] = result.issues;
    return `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`;
  }
  return contradictionOf(result.output);
}

function contradictionOf(meta: BlockMeta): string | undefined {
  if (meta.minTime > meta.maxTime) return `minTime is ${meta.minTime}, maxTime ${meta.maxTime}`;
  const names = meta.files.map((file) => file.name);
  const expected = tableNames.map(tableFile);
  if (expected.some((name, i) => names[i] !== name)) return `files are ${names}, not ${expected}`;
  const rows = (table: TableName) => fileOf(meta, table).rows;
  const { numSeries, numProfiles, numSamples } = meta.stats;
  if (numSeries !== rows('series')) return `numSeries is ${numSeries} of ${rows('series')} rows`;
  if (numProfiles !== rows('profiles')) {
    return `numProfiles is ${numProfiles} of ${rows('profiles')} rows`;
  }
  if (numSamples !== rows('samples')) {
    return `numSamples is ${numSamples} of ${rows('samples')} rows`;
  }
  return rangeProblemOf(meta);
}

/** Datasets lie one after the other and cover each of their tables. */
function rangeProblemOf(meta: BlockMeta): string | undefined {
  for (const table of ['series', 'profiles', 'samples', 'totals'] as const) {
    let next = 0;
    for (const dataset of meta.datasets) {
      const [from, rows] = dataset[table];
      if (from !== next) {
        return `${table} of ${dataset.serviceName} start at row ${from}, not ${next}`;
      }
      next += rows;
    }
    const { rows } = fileOf(meta, table);
    if (next !== rows) return `datasets cover ${next} of ${rows} rows of ${table}`;
  }
  const late = meta.datasets.find(
    ({ minTime, maxTime }) => minTime > maxTime || minTime < meta.minTime || maxTime > meta.maxTime,
  );
  if (!late) return undefined;
  return `times of ${late.serviceName} are ${late.minTime} to ${late.maxTime}, outside the block's`;
}
