// What the verbs that query have in common: which profiles, of which time, from where. Owns the
// flags, and how the two words of such a command line are told apart.
import { splitQuery } from '../api/render-query.ts';
import { anonymousTenant, validateTenant } from '../auth/tenant.ts';
import { Failure } from '../errors.ts';
import { parseSpanNs, parseTimeNs } from '../lib/parse-time.ts';
import type { MsRange, StacktracesRequest } from '../query/contract.ts';
import type { Arguments } from './flags.ts';

/** Their flags, each with a value. */
export const queryFlags = ['--type', '--from', '--until', '--last', '--server', '--tenant'];

/** The lines about them, for `--help`. */
export const queryFlagsHelp = `\
  --type TYPE      profile type, when QUERY names none; CPU time by default
  --last SPAN      the time up to --until: 30m, 12h, 7d; one hour by default
  --from TIME      2026-01-02 as 20260102, now-3h, or seconds since 1970
  --until TIME     now by default
  --server URL     the server to ask; http://127.0.0.1:4040 by default
  --tenant NAME    ${anonymousTenant} by default, or the tenant of the key in PHLOX_KEY`;

/** What QUERY and PLACE are, for `--help`. */
export const wordsHelp = `QUERY is a selector, with or without a profile type before it:
  process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="shop"}
PLACE is a server's URL, or s3://…, file:///…, a data folder, one tenant's
folder or one block: these are read here, no server is needed.`;

const typeDefault = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const serverDefault = 'http://127.0.0.1:4040';
const nsPerMs = 1_000_000n;
const spanMsDefault = 3_600_000;

export type Place = { kind: 'server'; url: string } | { kind: 'blocks'; target: string };

export interface QueryWords {
  /** Undefined when no word is a query. */
  query: string | undefined;
  place: Place;
}

/** Tells QUERY from PLACE: they may come in any order. Throws `invalid`. */
export function queryWords({ words, flags }: Arguments): QueryWords {
  const queries = words.filter(isQuery);
  const places = words.filter((word) => !isQuery(word));
  if (queries.length > 1) throw new Failure('invalid', 'two queries are given, one is possible');
  if (places.length > 1) {
    throw new Failure('invalid', `${places.length} places are given, one is possible`);
  }
  return { query: queries[0], place: placeOf(places[0], textFlag(flags, '--server')) };
}

function isQuery(word: string): boolean {
  return word.includes('{') || /^[^:/]*(?::[^:/]*){4,5}$/.test(word);
}

function placeOf(word: string | undefined, server: string | undefined): Place {
  if (word !== undefined && server !== undefined) {
    throw new Failure('invalid', `--server and ${JSON.stringify(word)} are two places`);
  }
  const text = word ?? server ?? serverDefault;
  if (/^https?:\/\//i.test(text)) return { kind: 'server', url: serverUrl(text) };
  if (server !== undefined) {
    throw new Failure('invalid', `--server is ${JSON.stringify(server)}, not an http url`);
  }
  return { kind: 'blocks', target: text };
}

function serverUrl(text: string): string {
  if (!URL.canParse(text)) throw new Failure('invalid', `${JSON.stringify(text)} is not a url`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    const message = 'a server url has no password, query or fragment';
    throw new Failure('invalid', `${JSON.stringify(url.host)}: ${message}`);
  }
  return url.href;
}

/** Whose profiles are meant. Throws `invalid` for what is no tenant's name. */
export function tenantFlag(flags: Arguments['flags']): string {
  const name = textFlag(flags, '--tenant') ?? anonymousTenant;
  validateTenant(name);
  return name;
}

/** The profiles that the query and the flags select. Throws `invalid`. */
export function selectOf(
  query: string | undefined,
  flags: Arguments['flags'],
  nowMs: number,
): StacktracesRequest {
  const range = rangeFlags(flags, nowMs);
  const select = typedQuery(query ?? '{}', textFlag(flags, '--type'));
  return { ...select, range, maxNodes: undefined, samples: {} };
}

/** A query that names no type gets the given one, or CPU time. */
export function typedQuery(
  query: string,
  type: string | undefined,
): { profileType: string; selector: string } {
  const isBare = query.trimStart().startsWith('{') && !query.includes('__name__');
  if (!isBare && type !== undefined) {
    throw new Failure('invalid', `--type is ${type}, but the query names one too`);
  }
  return splitQuery(isBare ? `${type ?? typeDefault}${query.trim()}` : query);
}

/** Of `--from`, `--until` and `--last`. Throws `invalid`. */
export function rangeFlags(flags: Arguments['flags'], nowMs: number): MsRange {
  const endMs = timeFlag(flags, '--until', nowMs) ?? nowMs;
  const startMs = timeFlag(flags, '--from', nowMs);
  const spanMs = spanFlag(flags, '--last');
  if (startMs !== undefined && spanMs !== undefined) {
    throw new Failure('invalid', '--from and --last both tell the start, one is possible');
  }
  const from = startMs ?? endMs - (spanMs ?? spanMsDefault);
  if (from > endMs) throw new Failure('invalid', `--from ${from} ms is after --until ${endMs} ms`);
  return { startMs: from, endMs };
}

/** True when a flag tells a time. */
export function hasRange(flags: Arguments['flags']): boolean {
  return ['--from', '--until', '--last'].some((name) => flags[name] !== undefined);
}

/** Milliseconds since the epoch. Throws `invalid` for what is no time. */
export function timeFlag(
  flags: Arguments['flags'],
  name: string,
  nowMs: number,
): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const timeNs = parseTimeNs(text, nowMs);
  if (timeNs === undefined || timeNs <= 0n) {
    throw new Failure('invalid', `${name} is ${JSON.stringify(text)}, not a time`);
  }
  return Number(timeNs / nsPerMs);
}

function spanFlag(flags: Arguments['flags'], name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const spanNs = parseSpanNs(text);
  if (spanNs === undefined || spanNs <= 0n) {
    throw new Failure('invalid', `${name} is ${JSON.stringify(text)}, not a span such as 30m`);
  }
  return Number(spanNs / nsPerMs);
}

/** A flag's number, from 1 up to `max`; undefined when it is not given. Throws `invalid`. */
export function countFlag(
  flags: Arguments['flags'],
  name: string,
  max: number,
): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) {
    throw new Failure('invalid', `${name} is ${JSON.stringify(text)}, 1 to ${max} is possible`);
  }
  return count;
}

/** A flag's value; undefined when it is not given. */
export function textFlag(flags: Arguments['flags'], name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}
