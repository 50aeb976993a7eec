// One push, from bytes to acknowledgement: prepare → admit → log → head → commit. Owns the order
// of these steps. From `admit` to the log nothing awaits, so what was checked stays true; only a
// request whose profiles take over 10 ms lets others run between two of them.
import { Failure, isFailure } from '../errors.ts';
import { createDeferred, type Deferred } from '../lib/deferred.ts';
import type { Limits } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import { labelNames, labelValue } from '../model/labels.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Clock } from '../platform.ts';
import type { Wal } from '../wal/wal.ts';
import { type AdmitContext, admit } from './admit.ts';
import type { PushedProfile } from './contract.ts';
import { type Prepared, prepare } from './prepare.ts';
import type { RecentKeys } from './recent-keys.ts';

export interface PushContext {
  tenant: string;
  receivedMs: number;
  limits: Readonly<Limits>;
  database: Phlaredb;
  wal: Wal;
  recentKeys: RecentKeys;
  gunzip: (bytes: Uint8Array, bytesMax: number) => Uint8Array;
  room: () => Omit<AdmitContext, 'tenant' | 'limits' | 'database'>;
  metrics: Metrics;
  /** Lets others run; awaited between the profiles of a request that takes long. */
  pause: () => Promise<void>;
  clock: Pick<Clock, 'monotonicMs'>;
}

/** A request with many profiles gives way to others after this long. */
const sliceMs = 10;

/** A profile of the request that cannot be stored, and why. */
interface Refusal {
  index: number;
  failure: Failure;
}

/** Refused profiles that a message names one by one; the rest is counted. */
const namedRefusalsMax = 5;

/**
 * Stores the good profiles of a request and resolves once they are durable; then throws what was
 * wrong with the others. See `IngesterService.push`.
 */
export async function pushProfiles(
  profiles: readonly PushedProfile[],
  context: PushContext,
): Promise<void> {
  const { prepared, refusals } = await prepareAll(profiles, context);
  for (const { index, failure } of refusals) discard(context, failure, [profiles[index]]);
  if (prepared.length > 0) {
    try {
      const { tenant, limits, database, room } = context;
      admit(prepared, { tenant, limits, database, ...room() });
    } catch (error) {
      if (isFailure(error)) discard(context, error, profiles);
      throw error;
    }
    const group = await storeAll(prepared, context);
    await committed(group);
    if (group.failure !== undefined) throw group.failure;
    // A retry is acknowledged once the original is durable, not earlier.
    for (const original of group.originals) await original;
    for (const one of prepared) received(context, one);
  }
  if (refusals.length > 0) throw refusalError(refusals, profiles.length);
}

async function prepareAll(profiles: readonly PushedProfile[], context: PushContext) {
  const prepared: Prepared[] = [];
  const refusals: Refusal[] = [];
  const giveWay = slicer(context);
  for (const [index, pushed] of profiles.entries()) {
    if (index > 0) await giveWay();
    try {
      prepared.push(prepare(pushed, context));
    } catch (error) {
      if (!isFailure(error, 'invalid')) throw error;
      refusals.push({ index, failure: error });
    }
  }
  return { prepared, refusals };
}

/** What one request put into the log. */
interface Group {
  /** Logged, and not asked to be committed yet. */
  logged: { sequence: number; key: Uint8Array }[];
  /** One for each record: a log that fails in the middle commits some and refuses the others. */
  commits: Promise<void>[];
  /** Commits, by other requests, of profiles that this request sent again. */
  originals: Promise<void>[];
  /** What stopped it on the way. */
  failure: unknown;
  /** Resolves or rejects with all commits. */
  committed: Deferred;
}

/**
 * Log, then head, for each profile in turn; one that was logged in the last minutes is not logged
 * again. Admission saw that there is room, so a failure is a fault, and what the log already has is
 * committed all the same. The client sends the request again.
 */
async function storeAll(prepared: readonly Prepared[], context: PushContext): Promise<Group> {
  const { tenant, receivedMs, database, wal, recentKeys, metrics, clock } = context;
  const committed = createDeferred();
  // Whoever waits for it hears of the failure; when nobody does, this request's client does.
  committed.promise.catch(() => undefined);
  const group: Group = { logged: [], commits: [], originals: [], failure: undefined, committed };
  // Others may append and commit meanwhile: a refusal has to be heard before they do.
  const giveWay = slicer(context, () => startCommits(group, context));
  try {
    for (const [index, one] of prepared.entries()) {
      if (index > 0) await giveWay();
      const { labels, body, contentKey, facts, plan, timeNs } = one;
      const known = recentKeys.get(contentKey);
      if (known !== undefined) {
        if (known !== 'durable') group.originals.push(known);
        metrics.storage.resends.inc({ tenant });
        continue;
      }
      // The scratch is shared: whoever scanned since, in this request or another, overwrote it.
      if (one.scanId !== database.scanId) database.scan(one.profile);
      const sequence = wal.append({ tenant, receivedMs, contentKey, labels, body });
      recentKeys.add(contentKey, committed.promise, clock.monotonicMs());
      group.logged.push({ sequence, key: contentKey });
      const entry = { sequence, plan, facts, timeNs, uuid: contentKey };
      const counts = database.ingest(entry, one.profile);
      if (counts !== undefined) stored(context, one, counts);
    }
  } catch (failure) {
    group.failure = failure;
  }
  startCommits(group, context);
  return group;
}

function startCommits({ logged, commits }: Group, context: PushContext): void {
  for (const record of logged.splice(0)) {
    const commit = commitRecord(record, context);
    // It is awaited when all have been asked for.
    commit.catch(() => undefined);
    commits.push(commit);
  }
}

async function commitRecord(
  { sequence, key }: Group['logged'][number],
  { wal, database, recentKeys }: PushContext,
): Promise<void> {
  try {
    await wal.commit(sequence);
  } catch (error) {
    database.rollback(Math.max(sequence, wal.refusedUpTo()));
    recentKeys.forget(key);
    throw error;
  }
  database.commit(sequence);
  recentKeys.settle(key);
}

/** Resolves when all of the group is durable; rejects, once all is decided, with what was not. */
async function committed(group: Group): Promise<void> {
  const outcomes = await Promise.allSettled(group.commits);
  const refused = outcomes.find(({ status }) => status === 'rejected');
  if (refused?.status === 'rejected') {
    group.committed.reject(refused.reason);
    throw refused.reason;
  }
  group.committed.resolve();
}

/** Calls `before` and awaits `pause` when more than a slice has passed since it last did. */
function slicer({ clock, pause }: PushContext, before?: () => void): () => Promise<void> {
  let startMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - startMs < sliceMs) return;
    before?.();
    await pause();
    startMs = clock.monotonicMs();
  };
}

function refusalError(refusals: readonly Refusal[], profileCount: number): Failure {
  const first = refusals[0] as Refusal;
  if (profileCount === 1) return first.failure;
  const named = refusals.slice(0, namedRefusalsMax);
  const list = named.map(({ index, failure }) => `profile ${index}: ${failure.message}`);
  const more = refusals.length - named.length;
  const rest = more > 0 ? `; and ${more} more` : '';
  return new Failure(
    'invalid',
    `${refusals.length} of ${profileCount} profiles refused: ${list.join('; ')}${rest}`,
    { cause: first.failure, ...(first.failure.reason && { reason: first.failure.reason }) },
  );
}

function discard(
  { metrics, tenant }: PushContext,
  failure: Failure,
  profiles: readonly (PushedProfile | undefined)[],
): void {
  const labels = { reason: failure.reason ?? 'unknown', tenant };
  const bytes = profiles.reduce((sum, profile) => sum + (profile?.body.length ?? 0), 0);
  metrics.ingest.discardedProfiles.inc(labels, profiles.length);
  metrics.ingest.discardedBytes.inc(labels, bytes);
}

function stored(
  { metrics }: PushContext,
  { labels, facts }: Prepared,
  counts: { rows: number; samples: number; seriesCreated: number },
): void {
  const name = { profile_name: labelValue(labels, labelNames.name) };
  metrics.head.profilesCreated.inc(name, counts.rows);
  metrics.head.seriesCreated.inc(name, counts.seriesCreated);
  metrics.head.receivedSampleValues.inc(name, facts.sampleCount * facts.sampleTypes.length);
  metrics.head.ingestedSampleValues.inc(name, counts.samples);
}

function received({ metrics, tenant }: PushContext, one: Prepared): void {
  const { ingest } = metrics;
  const type = { type: labelValue(one.labels, labelNames.name), tenant };
  ingest.receivedCompressedBytes.observe(type, one.body.length);
  ingest.receivedDecompressedBytes.observe(type, one.profile.length);
  ingest.receivedSamples.observe(type, one.facts.sampleCount);
  if (one.facts.negativeSampleCount > 0) {
    ingest.negativeSamples.inc({ tenant }, one.facts.negativeSampleCount);
  }
  ingest.profilesReceived.inc({
    tenant,
    scope_name: labelValue(one.labels, 'otel.scope.name'),
    scope_version: labelValue(one.labels, 'otel.scope.version'),
  });
}
