// From pushed bytes to facts: inflate with a bound, scan, plan the series, compute the content
// key. Decides nothing about the tenant's room; what is wrong with the profile itself is `invalid`.
import { Failure, isFailure } from '../errors.ts';
import { planSeries, type SeriesPlan } from '../head/series-plan.ts';
import type { ScanFacts } from '../kernel/facts.ts';
import { isInflatedTooLarge } from '../lib/inflate.ts';
import { validateLabels } from '../limits/label-rules.ts';
import type { Limits } from '../limits/limits.ts';
import { finalLabels, type Labels } from '../model/labels.ts';
import { profileTimeNs } from '../model/time.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import { contentKeyPrefix } from './content-key-prefix.ts';
import type { PushedProfile } from './contract.ts';

export interface Prepared {
  /** As received, for the log. */
  body: Uint8Array;
  /** Inflated. */
  profile: Uint8Array;
  labels: Labels;
  facts: ScanFacts;
  plan: SeriesPlan;
  timeNs: bigint;
  contentKey: Uint8Array;
  /** The scan in the database's scratch that the facts are of. */
  scanId: number;
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
 * Checks one pushed profile and gathers what admission, log and head need. Synchronous; the scan
 * stays in the database's scratch until the next one. Throws `invalid` with the metric reason.
 */
export function prepare(pushed: PushedProfile, context: PrepareContext): Prepared {
  const { limits, database, tenant, receivedMs } = context;
  const profile = inflateBody(pushed.body, limits.profileBytesMax, context.gunzip);
  const facts = database.scan(profile);
  validateFacts(facts, limits);
  const labels = finalLabels(pushed.labels);
  const plan = planSeries(labels, facts);
  for (const group of plan.groupLabels) validateLabels(group, limits);
  const timeNs = profileTimeNs(facts.timeNs, receivedMs);
  const prefix = contentKeyPrefix(tenant, labels, facts.timeNs > 0n ? undefined : receivedMs);
  const contentKey = database.contentKey(prefix);
  const { scanId } = database;
  return { body: pushed.body, profile, labels, facts, plan, timeNs, contentKey, scanId };
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
    const message = `profile is ${body.length} bytes, limit ${bytesMax}`;
    throw new Failure('invalid', message, { reason: 'profile_size_limit' });
  }
  try {
    return gunzip(body, bytesMax);
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    const reason = isInflatedTooLarge(error) ? 'profile_size_limit' : 'malformed_profile';
    throw new Failure('invalid', `profile: ${error.message}`, { cause: error, reason });
  }
}

function validateFacts(facts: ScanFacts, limits: Readonly<Limits>): void {
  const refuse = (reason: string, message: string): never => {
    throw new Failure('invalid', message, { reason });
  };
  const { sampleCount, sampleLabelsMax, sampleTypes } = facts;
  if (sampleCount > limits.samplesMax) {
    refuse('samples_limit', `profile has ${sampleCount} samples, limit ${limits.samplesMax}`);
  }
  if (sampleLabelsMax > limits.sampleLabelsMax) {
    refuse(
      'sample_labels_limit',
      `a sample has ${sampleLabelsMax} labels, limit ${limits.sampleLabelsMax}`,
    );
  }
  for (const { type } of sampleTypes) {
    // The five parts of a profile type travel in URLs and selectors where Pyroscope bans the dash.
    if (type.includes('-')) {
      refuse('malformed_profile', `sample type ${JSON.stringify(type)} contains "-"`);
    }
  }
}
