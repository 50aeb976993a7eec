// What is counted of a push: profiles refused, stored and acknowledged.
import type { Failure } from '../errors.ts';
import type { Metrics } from '../metrics/registry.ts';
import { labelNames, labelValue } from '../model/labels.ts';
import { hasOwnTime } from '../model/time.ts';
import type { PushedProfile } from './contract.ts';
import type { Prepared } from './prepare.ts';
import type { PushContext } from './push-context.ts';

/** Profiles that are not stored, under the reason of the failure. */
export function discard(
  { metrics, tenant }: PushContext,
  failure: Failure,
  profiles: readonly (PushedProfile | undefined)[],
): void {
  const labels = { reason: failure.reason ?? 'unknown', tenant };
  const bytes = profiles.reduce((sum, profile) => sum + (profile?.body.length ?? 0), 0);
  metrics.ingest.discardedProfiles.inc(labels, profiles.length);
  metrics.ingest.discardedBytes.inc(labels, bytes);
}

/** A profile whose rows are in the head. */
export function stored(
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

/** A profile that is acknowledged. */
export function received({ metrics, tenant }: PushContext, one: Prepared): void {
  const { ingest } = metrics;
  const type = { type: labelValue(one.labels, labelNames.name), tenant };
  ingest.receivedCompressedBytes.observe(type, one.body.length);
  ingest.receivedDecompressedBytes.observe(type, one.profile.length);
  ingest.receivedSamples.observe(type, one.facts.sampleCount);
  mended(metrics, tenant, one);
  if (!hasOwnTime(one.facts.timeNs)) ingest.timesReplaced.inc({ tenant });
  ingest.profilesReceived.inc({
    tenant,
    scope_name: labelValue(one.labels, 'otel.scope.name'),
    scope_version: labelValue(one.labels, 'otel.scope.version'),
  });
}

function mended({ ingest }: Metrics, tenant: string, { facts, folded }: Prepared): void {
  const count = (counter: typeof ingest.negativeSamples, counted: number) => {
    if (counted > 0) counter.inc({ tenant }, counted);
  };
  count(ingest.negativeSamples, facts.negativeSampleCount);
  count(ingest.danglingSamples, facts.danglingSampleCount);
  count(ingest.truncatedStacks, facts.truncatedStackCount);
  count(ingest.truncatedStrings, facts.truncatedStringCount);
  const { foldedLabels } = ingest;
  if (folded.groups > 0) foldedLabels.inc({ tenant, reason: 'groups' }, folded.groups);
  if (folded.room > 0) foldedLabels.inc({ tenant, reason: 'series_limit' }, folded.room);
}
