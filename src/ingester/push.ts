// One push, from bytes to acknowledgement: prepare → admit → log → head → commit. Owns the order
// of these steps. From `admit` to the log nothing awaits, so what was checked stays true; only a
// request whose profiles take over 10 ms lets others run between two of them.
import { type Failure, isFailure } from '../errors.ts';
import { createDeferred, type Deferred } from '../lib/deferred.ts';
import { isPlain } from '../model/treatment.ts';
import { admit, assertRate } from './admit.ts';
import {
  ProfilesRefused,
  type PushedProfile,
  type RefusedProfile,
  refusalText,
} from './contract.ts';
import { seriesKeys } from './fold-series.ts';
import type { Prepared } from './prepare.ts';
import { type PreparedRequest, prepareAll } from './prepare-all.ts';
import { type PushContext, slicer } from './push-context.ts';
import { discard, received, stored } from './push-metrics.ts';

/**
 * Stores the good profiles of a request and resolves once they are durable; then throws what was
 * wrong with the others. See `IngesterService.push`.
 */
export async function pushProfiles(
  profiles: readonly PushedProfile[],
  context: PushContext,
): Promise<void> {
  const request = await prepared(profiles, context);
  const { refusals } = request;
  await noteKnown(request.prepared, context);
  admitRequest(request, profiles, context);
  if (request.prepared.length > 0) {
    const group = await storeAll(request.prepared, context);
    await committed(group);
    if (group.stopped !== undefined) throw group.stopped.reason;
    // A retry is acknowledged once the original is durable, not earlier.
    for (const original of group.originals) await original;
    for (const one of request.prepared) received(context, one);
  }
  if (refusals.length > 0) throw refusalError(refusals, profiles.length);
}

async function prepared(
  profiles: readonly PushedProfile[],
  context: PushContext,
): Promise<PreparedRequest> {
  try {
    return await prepareAll(profiles, context);
  } catch (error) {
    if (isFailure(error)) discard(context, error, profiles);
    throw error;
  }
}

/** What another place has stored is acknowledged as what was stored here. */
async function noteKnown(prepared: readonly Prepared[], context: PushContext): Promise<void> {
  const { known, recentKeys, clock } = context;
  if (known === undefined) return;
  const fresh = prepared.filter(({ contentKey }) => recentKeys.get(contentKey) === undefined);
  if (fresh.length === 0) return;
  const answers = await known(fresh);
  for (const [i, { contentKey }] of fresh.entries()) {
    // Somebody may have sent it here meanwhile.
    if (answers[i] !== true || recentKeys.get(contentKey) !== undefined) continue;
    recentKeys.add(contentKey, 'durable', clock.monotonicMs());
  }
}

/**
 * Decides for the request whether it must be sent again later, and else takes what it costs from
 * the tenant's limits. Profiles that were acknowledged before cost nothing and are not asked.
 */
function admitRequest(
  { prepared, refusals, refusedSize }: PreparedRequest,
  profiles: readonly PushedProfile[],
  context: PushContext,
): void {
  const { tenant, limits, database, recentKeys, bucket, activeSeries, room } = context;
  for (const { index, failure } of refusals) discard(context, failure, [profiles[index]]);
  const nowMs = context.clock.monotonicMs();
  const fresh = prepared.filter(({ contentKey }) => recentKeys.get(contentKey) === undefined);
  const size = fresh.reduce((sum, one) => sum + one.size, refusedSize);
  const rate = { bytesPerSecond: limits.ingestBytesPerSecond, burstBytes: limits.ingestBurstBytes };
  try {
    assertRate(bucket, size, rate, nowMs);
    if (fresh.length > 0) {
      admit(fresh, { tenant, limits, database, activeSeries, nowMs, ...room() });
    }
  } catch (error) {
    const refused = new Set(refusals.map(({ index }) => index));
    const others = profiles.filter((_, index) => !refused.has(index));
    if (isFailure(error)) discard(context, error, others);
    throw error;
  }
  if (rate.bytesPerSecond > 0) bucket.take(size, rate, nowMs);
  activeSeries.touch(seriesKeys(fresh), nowMs);
}

/** What one request put into the log. */
interface Group {
  /** Logged, and not asked to be committed yet. */
  logged: { sequence: number; key: Uint8Array }[];
  /** One for each record: a log that fails in the middle commits some and refuses the others. */
  commits: Promise<void>[];
  /** Commits, by other requests, of profiles that this request sent again. */
  originals: Promise<void>[];
  /** What stopped it on the way: the profiles behind are not stored. */
  stopped: { reason: unknown } | undefined;
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
  const group: Group = { logged: [], commits: [], originals: [], stopped: undefined, committed };
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
      if (one.scanId !== database.scanId) database.scan(one.profile, plan.treatment);
      const treatment = isPlain(plan.treatment) ? undefined : plan.treatment;
      const sequence = wal.append({ tenant, receivedMs, contentKey, labels, treatment, body });
      recentKeys.add(contentKey, committed.promise, clock.monotonicMs());
      group.logged.push({ sequence, key: contentKey });
      const entry = { sequence, plan, facts, timeNs, uuid: contentKey };
      const counts = database.ingest(entry, one.profile);
      if (counts !== undefined) stored(context, one, counts);
    }
  } catch (reason) {
    group.stopped = { reason };
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

function refusalError(refusals: readonly RefusedProfile[], profileCount: number): Failure {
  const [first, ...others] = refusals as [RefusedProfile, ...RefusedProfile[]];
  if (profileCount === 1) return first.failure;
  return new ProfilesRefused(refusalText(refusals, profileCount), [first, ...others]);
}
