// The file of limits: `{ "defaults": { … }, "overrides": { "tenant": { … } } }`. Owns its names,
// the range of each value, and what a tenant gets: its override, else the file's default, else
// ours. Sizes and times are numbers, or text such as "4MiB" and "1h".
import * as v from 'valibot';
import { parseBytes, parseDurationMs } from '../config/units.ts';
import { Failure, messageOf } from '../errors.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { defaultLimits, type Limits, shardKeys } from './limits.ts';

/** Limits in force: those of most tenants, and those of tenants that differ. */
export interface LimitsTable {
  defaults: Readonly<Limits>;
  /** Complete, by tenant. */
  overrides: ReadonlyMap<string, Readonly<Limits>>;
}

/** Without a file. */
export const builtInLimits: LimitsTable = { defaults: defaultLimits, overrides: new Map() };

/** The limits of a tenant. */
export function limitsOfTenant(table: LimitsTable, tenant: string): Readonly<Limits> {
  return table.overrides.get(tenant) ?? table.defaults;
}

const mib = 2 ** 20;
const gib = 2 ** 30;
const yearMs = 366 * 24 * 3_600_000;

function amount(min: number, max: number, example: string, parse: (text: string) => unknown) {
  return v.pipe(
    v.union([v.number(), v.string()], `is not ${example}`),
    v.transform((value) => (typeof value === 'number' ? value : parse(value))),
    v.custom<number>((value) => Number.isSafeInteger(value), `is not ${example}`),
    v.check((value) => value >= min, `is under the least, ${min}`),
    v.check((value) => value <= max, `is over the most, ${max}`),
  );
}

const bytes = (min: number, max: number) => amount(min, max, 'a size such as 4MiB', parseBytes);
const durationMs = (min: number, max: number) =>
  amount(min, max, 'a duration such as 1h', parseDurationMs);
const count = (min: number, max: number) => amount(min, max, 'a whole number', () => Number.NaN);

/** In the order of `Limits`. Where 0 is allowed it means any, elsewhere it would mean none. */
const limitSchemas: { readonly [Name in keyof Limits]: v.GenericSchema<unknown, Limits[Name]> } = {
  ingestBytesPerSecond: bytes(0, 2 ** 40),
  ingestBurstBytes: bytes(1, 2 ** 40),
  pushBytesMax: bytes(1, gib),
  // A record of the log is at most 64 MiB, and a profile may come as it is, not compressed.
  profileBytesMax: bytes(1, 32 * mib),
  samplesMax: count(1, 10_000_000),
  sampleLabelsMax: count(0, 1_000),
  // `GROUPS_MAX` of `wasm/layout.ts`.
  labelGroupsMax: count(1, 2_000),
  stackDepthMax: count(1, 65_535),
  // Labels and types of samples are strings of a profile too, and not to be cut.
  symbolBytesMax: bytes(1_024, mib),
  labelNamesMax: count(2, 1_000),
  labelNameBytesMax: bytes(16, 65_535),
  labelValueBytesMax: bytes(16, 65_535),
  seriesMax: count(0, 10_000_000),
  seriesLabelBytesMax: bytes(1, 4 * gib),
  rejectOlderThanMs: durationMs(0, 100 * yearMs),
  rejectNewerThanMs: durationMs(0, 100 * yearMs),
  queryLengthMaxMs: durationMs(0, 100 * yearMs),
  queryLookbackMs: durationMs(0, 100 * yearMs),
  nodesDefault: count(1, 10_000_000),
  nodesMax: count(0, 10_000_000),
  querySourcesParallelMax: count(1, 64),
  queryBytesMax: bytes(0, 2 ** 50),
  queryTimeMaxMs: durationMs(0, 24 * 3_600_000),
  seriesPointsMax: count(0, 10_000_000),
  // A query asks every object, and may make some hundred calls on the smallest plan.
  shards: count(1, 32),
  shardBy: v.picklist(shardKeys, `is not one of ${shardKeys.join(' ')}`),
};
const limitNames = Object.keys(limitSchemas) as (keyof Limits)[];

const fileSchema = v.strictObject({
  defaults: v.optional(v.custom<object>(isObject, 'is not an object of limits'), {}),
  overrides: v.optional(v.custom<object>(isObject, 'is not an object of tenants'), {}),
});
/** More tenants than one process can serve. */
const overridesMax = 100_000;
/** The longest tenant name of Pyroscope. */
const tenantBytesMax = 150;

/** Reads a limits file. Throws `invalid`, naming the place and the nearest known name. */
export function parseLimitsFile(text: string): LimitsTable {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Failure('invalid', `not json: ${messageOf(error)}`, { cause: error });
  }
  if (!isObject(json)) throw new Failure('invalid', 'not a json object');
  for (const key of Object.keys(json)) assertKnown('', key, ['defaults', 'overrides']);
  const file = v.safeParse(fileSchema, json);
  if (!file.success) {
    const [issue] = file.issues;
    throw new Failure('invalid', `${v.getDotPath(issue) ?? 'file'} ${issue.message}`);
  }
  const defaults = merged('defaults', defaultLimits, file.output.defaults);
  const entries = Object.entries(file.output.overrides);
  if (entries.length > overridesMax) {
    throw new Failure('invalid', `overrides has ${entries.length} tenants, limit ${overridesMax}`);
  }
  const overrides = new Map<string, Limits>();
  for (const [tenant, part] of entries) {
    if (tenant === '' || tenant.length > tenantBytesMax) {
      throw new Failure('invalid', `overrides.${tenant.slice(0, 64)} is not the name of a tenant`);
    }
    overrides.set(tenant, merged(`overrides.${tenant}`, defaults, part));
  }
  return { defaults, overrides };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(place: string, base: Readonly<Limits>, part: unknown): Limits {
  if (!isObject(part)) throw new Failure('invalid', `${place} is not an object of limits`);
  const limits: Limits = { ...base };
  for (const [key, value] of Object.entries(part)) {
    const name = assertKnown(`${place}.`, key, limitNames);
    const result = v.safeParse(limitSchemas[name], value, { abortPipeEarly: true });
    if (!result.success) {
      const [issue] = result.issues;
      throw new Failure(
        'invalid',
        `${place}.${key} ${JSON.stringify(value)?.slice(0, 64)} ${issue.message}`,
      );
    }
    Object.assign(limits, { [name]: result.output });
  }
  assertConsistent(place, limits);
  return limits;
}

function assertKnown<T extends string>(place: string, key: string, known: readonly T[]): T {
  const found = known.find((name) => name === key);
  if (found !== undefined) return found;
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? `known are ${known.join(' ')}` : `did you mean ${nearest}?`;
  throw new Failure('invalid', `unknown name ${place}${key.slice(0, 64)}: ${hint}`);
}

/** What is allowed by one limit must not be refused for ever by another. */
function assertConsistent(place: string, limits: Limits): void {
  const { ingestBytesPerSecond, ingestBurstBytes, nodesDefault, nodesMax } = limits;
  const labelBytes = limits.labelNamesMax * (limits.labelNameBytesMax + limits.labelValueBytesMax);
  const largest = limits.profileBytesMax + labelBytes;
  if (ingestBytesPerSecond > 0 && ingestBurstBytes < largest) {
    throw new Failure(
      'invalid',
      `${place}: ingestBurstBytes is ${ingestBurstBytes}, less than a profile and its labels may ` +
        `have, ${largest}`,
    );
  }
  if (limits.pushBytesMax < limits.profileBytesMax) {
    throw new Failure(
      'invalid',
      `${place}: pushBytesMax is ${limits.pushBytesMax}, less than profileBytesMax, ` +
        `${limits.profileBytesMax}`,
    );
  }
  if (nodesMax > 0 && nodesDefault > nodesMax) {
    const message = `${place}: nodesDefault is ${nodesDefault}, more than nodesMax, ${nodesMax}`;
    throw new Failure('invalid', message);
  }
}
