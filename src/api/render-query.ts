// What the query strings of `/pyroscope/render` and its siblings ask for: a profile type and a
// selector in one text, times in many formats, two spellings of one number. Owns that reading.
import { Failure } from '../errors.ts';
import { parseTimeNs } from '../lib/parse-time.ts';
import { labelNames } from '../model/labels.ts';
import { type Matcher, parseSelector } from '../model/matcher.ts';
import { type ProfileType, parseProfileType } from '../model/profile-type.ts';
import type { MsRange, SelectRequest } from '../query/contract.ts';

const nsPerMs = 1_000_000n;

/** Values of a URL's query: the first of each name, except where all count. */
export type Params = URLSearchParams;

/**
 * The request that `query`, `from` and `until` make under these names. Throws `invalid` when the
 * query is missing, names no profile type, or a time is 0.
 */
export function selectRequestOf(
  params: Params,
  names: { query: string; from: string; until: string },
  nowMs: number,
): SelectRequest {
  const text = params.get(names.query) ?? '';
  if (text.trim() === '') throw new Failure('invalid', `${names.query} is missing`);
  const range = rangeOf(params, names, nowMs);
  return { ...splitQuery(text), range };
}

/** `from` and `until`, each now when it is missing or no time. Throws `invalid` for a time of 0. */
export function rangeOf(
  params: Params,
  names: { from: string; until: string },
  nowMs: number,
): MsRange {
  const startMs = timeMs(params, names.from, nowMs);
  const endMs = timeMs(params, names.until, nowMs);
  if (startMs > endMs) {
    throw new Failure('invalid', `${names.from} ${startMs} ms is after ${names.until} ${endMs} ms`);
  }
  return { startMs, endMs };
}

function timeMs(params: Params, name: string, nowMs: number): number {
  const text = params.get(name);
  const timeNs = text === null ? undefined : parseTimeNs(text, nowMs);
  const ms = timeNs === undefined ? nowMs : Number(timeNs / nsPerMs);
  if (ms === 0) throw new Failure('invalid', `${name} is 0, a time is required`);
  return ms;
}

/** `process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="shop"}`. Throws `invalid`. */
export function splitQuery(text: string): { profileType: string; selector: string } {
  const matchers = parseSelector(text);
  const isName = ({ name, operator }: Matcher) => name === labelNames.name && operator === '=';
  const first = matchers.find(isName);
  const profileType = first?.value ?? '';
  if (profileType === '') {
    throw new Failure(
      'invalid',
      `query ${JSON.stringify(text.slice(0, 256))} names no profile type`,
    );
  }
  profileTypeOf(profileType);
  // Another name beside it is one that the series must have, too.
  const others = matchers.filter((matcher) => matcher !== first);
  return { profileType, selector: selectorText(others) };
}

/** Throws `invalid` for an id that has not five parts, or six. */
export function profileTypeOf(id: string): ProfileType {
  const parsed = parseProfileType(id);
  if (parsed === undefined) {
    const parts = id.split(':').length;
    const form = '<name>:<type>:<unit>:<period type>:<period unit>';
    throw new Failure('invalid', `profile type has ${parts} parts, ${form} is expected`);
  }
  return parsed;
}

/** Names in quotes: a selector may hold names that only fit so. JSON's escapes are PromQL's too. */
function selectorText(matchers: readonly Matcher[]): string {
  const parts = matchers.map(({ name, operator, value }) => {
    return `${JSON.stringify(name)}${operator}${JSON.stringify(value)}`;
  });
  return `{${parts.join(',')}}`;
}

/** `maxNodes`, or `max-nodes` when that is not there; undefined when it is no number. */
export function maxNodesOf(params: Params): number | undefined {
  const text = params.get('maxNodes') ?? params.get('max-nodes') ?? '';
  return /^-?\d{1,15}$/.test(text) ? nonNegative('max-nodes', Number(text)) : undefined;
}

function nonNegative(name: string, value: number): number {
  if (value < 0) throw new Failure('invalid', `${name} is ${value}, 0 or more is needed`);
  return value;
}
