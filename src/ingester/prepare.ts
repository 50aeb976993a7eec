// From pushed bytes to facts: inflate with a bound, scan, compute the content key, plan the series.
// Decides nothing about the tenant's room; what is wrong with the profile itself is `invalid`.
import { Failure, isFailure } from '../errors.ts';
import { planSeries, type SeriesPlan } from '../head/series-plan.ts';
import type { ScanFacts } from '../kernel/facts.ts';
import { isInflatedTooLarge } from '../lib/inflate.ts';
import { validateLabels } from '../limits/label-rules.ts';
import type { Limits } from '../limits/limits.ts';
import { finalLabels, type Labels } from '../model/labels.ts';
import { hasOwnTime, profileTimeNs } from '../model/time.ts';
import type { Treatment } from '../model/treatment.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import { contentKeyPrefix } from './content-key-prefix.ts';
import type { PushedProfile } from './contract.ts';
import { validateProfile } from './validate-profile.ts';

/** A pushed profile that the kernel could read. */
export interface ReadProfile {
  /** As received, for the log. */
  body: Uint8Array;
  /** Inflated. */
  profile: Uint8Array;
  labels: Labels;
  facts: ScanFacts;
  timeNs: bigint;
  contentKey: Uint8Array;
  /** The scan in the database's scratch that the facts are of. */
  scanId: number;
  /** What the rate limit counts: inflated bytes and labels. */
  size: number;
}

/** One that may be stored. */
export interface Prepared extends ReadProfile {
  /** Made anew when there is no room for all of its series. */
  plan: SeriesPlan;
  /** How many sample labels are folded: for too many sets of them, and for want of room. */
  folded: { groups: number; room: number };
}

export interface PrepareContext {
  tenant: string;
  receivedMs: number;
  limits: Readonly<Limits>;
  gunzip: (bytes: Uint8Array, bytesMax: number) => Uint8Array;
  database: Phlaredb;
}

const gzipMagic = [0x1f, 0x8b] as const;

/** True when the bytes start as gzip does: what else a pprof could not start with. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === gzipMagic[0] && bytes[1] === gzipMagic[1];
}

/**
 * Inflates, scans and names one pushed profile. Synchronous; the scan stays in the database's
 * scratch until the next one. Throws `invalid` with the metric reason for what is no profile, or
 * too large to be looked at.
 */
export function readProfile(pushed: PushedProfile, context: PrepareContext): ReadProfile {
  const { limits, database, tenant, receivedMs } = context;
  const profile = inflateBody(pushed.body, limits.profileBytesMax, context.gunzip);
  const facts = database.scan(profile, treatmentOf(limits));
  const labels = finalLabels(pushed.labels);
  const timeNs = profileTimeNs(facts.timeNs, receivedMs);
  // Without a time of its own, equal bytes can be two profiles as well as one sent twice.
  const prefix = contentKeyPrefix(
    tenant,
    labels,
    hasOwnTime(facts.timeNs) ? undefined : receivedMs,
  );
  const contentKey = database.contentKey(prefix);
  const { scanId } = database;
  const size = labels.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  return {
    body: pushed.body,
    profile,
    labels,
    facts,
    timeNs,
    contentKey,
    scanId,
    size: profile.length + size,
  };
}

/**
 * Plans the series of a profile. Throws `invalid` with the metric reason for the first rule it
 * breaks, unless it was acknowledged before (`isKnown`): a retry is not asked again.
 */
export function planProfile(
  read: ReadProfile,
  { limits, receivedMs }: PrepareContext,
  isKnown: boolean,
): Prepared {
  if (!isKnown) validateProfile(read, limits, receivedMs);
  const plan = planSeries(read.labels, read.facts, treatmentOf(limits));
  if (!isKnown) for (const group of plan.groupLabels) validateLabels(group, limits);
  return { ...read, plan, folded: { groups: plan.excessLabels.length, room: 0 } };
}

function treatmentOf({ stackDepthMax, symbolBytesMax, labelGroupsMax }: Limits): Treatment {
  return { stackDepthMax, symbolBytesMax, labelGroupsMax, foldedLabels: [] };
}

/** The pprof bytes of a pushed body, inflated when it is gzip. Throws `invalid`. */
export function inflateBody(
  body: Uint8Array,
  bytesMax: number,
  gunzip: (bytes: Uint8Array, bytesMax: number) => Uint8Array,
): Uint8Array {
  if (body.length === 0) {
    throw new Failure('invalid', 'profile is empty', { reason: 'malformed_profile' });
  }
  if (!isGzip(body)) {
    if (body.length <= bytesMax) return body;
    const message = `profile is ${body.length} bytes, limit ${bytesMax} (profileBytesMax)`;
    throw new Failure('invalid', message, { reason: 'profile_size_limit' });
  }
  try {
    return gunzip(body, bytesMax);
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    const isTooLarge = isInflatedTooLarge(error);
    const reason = isTooLarge ? 'profile_size_limit' : 'malformed_profile';
    const message = `profile: ${error.message}${isTooLarge ? ' (profileBytesMax)' : ''}`;
    throw new Failure('invalid', message, { cause: error, reason });
  }
}
