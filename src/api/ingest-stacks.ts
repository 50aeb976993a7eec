// Uploads that are stacks and counts: folded text, lines, trees, tries and speedscope. Owns what
// their values mean, which the application's name and the sample rate tell; the result is pprof.
import { readFolded } from '../convert/folded.ts';
import { ingestLabels } from '../convert/ingest-name.ts';
import { readLines } from '../convert/lines.ts';
import { encodeStacks } from '../convert/pprof-encode.ts';
import {
  isSampled,
  kindHead,
  kindNames,
  kindOfUnit,
  type ProfileKind,
  periodNs,
  splitKind,
} from '../convert/profile-kind.ts';
import {
  readSpeedscope,
  type SpeedscopeProfile,
  type SpeedscopeUnit,
} from '../convert/speedscope.ts';
import { StackTree } from '../convert/stack-tree.ts';
import { readTree } from '../convert/tree.ts';
import { readTrie } from '../convert/trie.ts';
import { Failure } from '../errors.ts';
import type { PushedProfile } from '../ingester/contract.ts';
import { isGzip } from '../ingester/prepare.ts';
import type { Steps } from '../lib/steps.ts';
import { labelNames } from '../model/labels.ts';
import { isJfr, jfrRefusal } from './ingest-jfr.ts';
import type { IngestContext } from './ingest-pprof.ts';
import type { IngestRequest } from './ingest-request.ts';

const readers = { groups: readFolded, lines: readLines, tree: readTree, trie: readTrie } as const;

export type StackFormat = keyof typeof readers | 'speedscope';

/** Text says a name as often as it is called, pprof once. */
const bodyBytesFactor = 2;
/** Of all profiles of one body together; only speedscope has several. */
const outputBytesFactor = 4;

const sampleRateDefault = 100;
/** What Pyroscope takes a speedscope profile without a unit to be sampled at. */
const unitlessSampleRate = 10_000;

interface Measured {
  tree: StackTree;
  kind: ProfileKind;
  /** 0n: values are what the kind says. */
  period: bigint;
  factor: bigint;
  labels: Record<string, string>;
}

/**
 * Answers what reads the bodies of a request. Throws `invalid` for an application whose suffix
 * tells no kind of profile.
 */
export function stackReader(
  request: IngestRequest,
  format: StackFormat,
): (body: Uint8Array, context: IngestContext) => Steps<PushedProfile[]> {
  const { service, kind, suffix = '' } = splitKind(request.app);
  if (kind === undefined) {
    const shown = JSON.stringify(suffix.slice(0, 64));
    const known = kindNames.join(', ');
    throw new Failure('invalid', `name: ${shown} is no profile type, end it in one of ${known}`);
  }
  // As in Pyroscope: ids of profiles make no series.
  const isIgnored = request.labels.has('profile_id');
  return function* read(body, context) {
    if (isIgnored) return [];
    assertStacks(request, body, context.profileBytesMax);
    const measured =
      format === 'speedscope'
        ? measuredBySpeedscope(body, kind, request.sampleRate)
        : [measuredBySuffix(yield* readStacks(format, body), kind, request.sampleRate)];
    return yield* pushedProfiles(measured, service, request, context);
  };
}

function* readStacks(format: keyof typeof readers, body: Uint8Array): Steps<StackTree> {
  const tree = new StackTree();
  if (body.byteLength > 0) yield* readers[format](body, tree);
  return tree;
}

function assertStacks(
  { isFormatNamed }: IngestRequest,
  body: Uint8Array,
  profileBytesMax: number,
): void {
  if (isJfr(body)) throw jfrRefusal();
  if (isGzip(body)) {
    const hint = isFormatNamed ? 'say Content-Encoding: gzip' : 'name its format: format=pprof';
    throw invalid(`body is gzip and not text, ${hint}`, 'malformed_profile');
  }
  const limit = bodyBytesFactor * profileBytesMax;
  if (body.byteLength > limit) {
    throw invalid(`profile is ${body.byteLength} bytes, limit ${limit}`, 'profile_size_limit');
  }
}

/** Counts of samples become times at the sample rate; at 0 they stay counts. */
function measuredBySuffix(tree: StackTree, kind: ProfileKind, sampleRate: number): Measured {
  const period = isSampled(kind) && sampleRate > 0 ? periodNs(sampleRate) : 0n;
  return { tree, kind, period, factor: period === 0n ? 1n : period, labels: {} };
}

function* measuredBySpeedscope(
  body: Uint8Array,
  named: ProfileKind,
  sampleRate: number,
): Generator<Measured | undefined, void, undefined> {
  for (const one of readSpeedscope(body)) {
    yield one && { ...measuredByUnit(one, named, sampleRate), labels: { profile_name: one.name } };
  }
}

/** The file's own unit counts more than the name, and its times more than the sample rate. */
function measuredByUnit(
  { tree, unit }: SpeedscopeProfile,
  named: ProfileKind,
  sampleRate: number,
): Measured {
  if (unit === 'none') {
    const rate = sampleRate === sampleRateDefault ? unitlessSampleRate : sampleRate;
    return measuredBySuffix(tree, named, rate);
  }
  const kind = measures(named, unit) ? named : kindOfUnit(unit);
  const period = isSampled(kind) ? periodNs(sampleRate || sampleRateDefault) : 0n;
  return { tree, kind, period, factor: 1n, labels: {} };
}

function measures(kind: ProfileKind, unit: SpeedscopeUnit): boolean {
  return kind.unit === unit || (unit === 'nanoseconds' && isSampled(kind));
}

function* pushedProfiles(
  measured: Iterable<Measured | undefined>,
  service: string,
  { labels: given, spyName, fromNs, durationNs }: IngestRequest,
  { profileBytesMax }: IngestContext,
): Steps<PushedProfile[]> {
  const profiles: PushedProfile[] = [];
  let left = outputBytesFactor * profileBytesMax;
  for (const one of measured) {
    if (one === undefined) {
      yield;
      continue;
    }
    const { tree, kind, period, factor, labels } = one;
    const head = { ...kindHead(kind, period), timeNs: fromNs, durationNs };
    const body = yield* encodeStacks(tree, head, factor, Math.min(left, profileBytesMax));
    if (body === undefined) continue;
    left -= body.byteLength;
    const set = { ...labels, [labelNames.name]: kind.name, pyroscope_spy: spyName };
    profiles.push({ labels: ingestLabels(given, { service, appName: 'app_name', set }), body });
  }
  return profiles;
}

function invalid(message: string, reason: string): Failure {
  return new Failure('invalid', message, { reason });
}
