// One push, from bytes to acknowledgement: prepare → admit → log → head → commit. Owns the order
// of these steps. From `admit` to the log nothing awaits, so what was checked stays true; only a
// request whose profiles take over 10 ms lets others run between two of them.
import { Failure, isFailure } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import { labelNames, labelValue } from '../model/labels.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Clock } from '../platform.ts';
import type { Wal } from '../wal/wal.ts';
import { type AdmitContext, admit } from './admit.ts';
import type { PushedProfile } from './contract.ts';
import { type Prepared, prepare } from './prepare.ts';

export interface PushContext {
  tenant: string;
  receivedMs: number;
  limits: Readonly<Limits>;
  database: Phlaredb;
  wal: Wal;
  gunzip: (bytes: Uint8Array, bytesMax: number) => Uint8Array;
  room: () => Omit<AdmitContext, 'limits' | 'database'>;
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
      admit(prepared, { limits: context.limits, database: context.database, ...context.room() });
    } catch (error) {
      if (isFailure(error)) discard(context, error, profiles);
      throw error;
    }
    const { sequence, failure } = await storeAll(prepared, context);
    if (sequence > 0) await commit(sequence, context);
    if (failure !== undefined) throw failure;
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

/**
 * Log, then head, for each profile in turn. Answers the last sequence logged (0: none) and what
 * stopped it: admission saw that there is room, so that is a fault, and what the log already has is
 * committed all the same. The client sends the request again.
 */
async function storeAll(
  prepared: readonly Prepared[],
  context: PushContext,
): Promise<{ sequence: number; failure: unknown }> {
  const { tenant, receivedMs, database, wal } = context;
  const giveWay = slicer(context);
  let sequence = 0;
  try {
    for (const [index, one] of prepared.entries()) {
      if (index > 0) await giveWay();
      const { labels, body, contentKey, facts, plan, timeNs } = one;
      // The scratch is shared: whoever scanned since, in this request or another, overwrote it.
      if (one.scanId !== database.scanId) database.scan(one.profile);
      sequence = wal.append({ tenant, receivedMs, contentKey, labels, body });
      const entry = { sequence, plan, facts, timeNs, uuid: contentKey };
      const counts = database.ingest(entry, one.profile);
      if (counts !== undefined) stored(context, one, counts);
    }
    return { sequence, failure: undefined };
  } catch (failure) {
    return { sequence, failure };
  }
}

/** Awaits `pause` when more than a slice has passed since it last did. */
function slicer({ clock, pause }: PushContext): () => Promise<void> {
  let startMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - startMs < sliceMs) return;
    await pause();
    startMs = clock.monotonicMs();
  };
}

async function commit(sequence: number, { wal, database }: PushContext): Promise<void> {
  try {
    await wal.commit(sequence);
  } catch (error) {
    database.rollback();
    throw error;
  }
  database.commit(sequence);
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
