// What a profile that can be read must not be. Owns the checks and their order, which is
// Pyroscope's: window, samples, sample labels, function ids, type names. What cannot be read at
// all was refused before, and the labels of its series are checked after
// (`limits/label-rules.ts`).
import { Failure } from '../errors.ts';
import type { ScanFacts } from '../kernel/facts.ts';
import { shownLabels } from '../limits/label-rules.ts';
import type { Limits } from '../limits/limits.ts';
import type { Labels } from '../model/labels.ts';
import { msToNs } from '../model/time.ts';

/** Throws `invalid` with the metric reason for the first rule that the profile breaks. */
export function validateProfile(
  { facts, labels, timeNs }: { facts: ScanFacts; labels: Labels; timeNs: bigint },
  limits: Readonly<Limits>,
  receivedMs: number,
): void {
  const refuse = (reason: string, message: string): never => {
    throw new Failure('invalid', `${message} in ${shownLabels(labels)}`, { reason });
  };
  const outside = outsideWindow(timeNs, limits, receivedMs);
  if (outside !== undefined) refuse('not_in_ingestion_window', outside);
  const { sampleCount, sampleLabelsMax, sampleTypes, isUnnumbered } = facts;
  if (sampleCount > limits.samplesMax) {
    refuse(
      'samples_limit',
      `profile has ${sampleCount} samples, limit ${limits.samplesMax} (samplesMax)`,
    );
  }
  if (sampleLabelsMax > limits.sampleLabelsMax) {
    refuse(
      'sample_labels_limit',
      `a sample has ${sampleLabelsMax} labels, limit ${limits.sampleLabelsMax} (sampleLabelsMax)`,
    );
  }
  // A log of an earlier version may have such a profile, so that the kernel takes it.
  if (isUnnumbered) refuse('malformed_profile', 'function 0 has id 0, must be 1 or more');
  for (const { type } of sampleTypes) {
    // The five parts of a profile type travel in URLs and selectors where Pyroscope bans the dash.
    if (type.includes('-')) {
      refuse('malformed_profile', `sample type ${JSON.stringify(type)} contains "-"`);
    }
  }
}

/** Why a time is not accepted; undefined when it is. Both ends belong to the window. */
function outsideWindow(
  timeNs: bigint,
  { rejectOlderThanMs, rejectNewerThanMs }: Readonly<Limits>,
  receivedMs: number,
): string | undefined {
  const startMs = receivedMs - rejectOlderThanMs;
  const endMs = receivedMs + rejectNewerThanMs;
  const isOld = rejectOlderThanMs > 0 && timeNs < msToNs(startMs);
  const isNew = rejectNewerThanMs > 0 && timeNs > msToNs(endMs);
  if (!isOld && !isNew) return undefined;
  const start = rejectOlderThanMs > 0 ? shownTime(msToNs(startMs)) : 'any time';
  const end = rejectNewerThanMs > 0 ? shownTime(msToNs(endMs)) : 'any time';
  const limit = isOld ? 'rejectOlderThanMs' : 'rejectNewerThanMs';
  const window = `${start} to ${end} (${limit})`;
  return `profile of ${shownTime(timeNs)} is not in the ingestion window from ${window}`;
}

function shownTime(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  // A 64-bit time can be further away than a date.
  return Number.isNaN(date.getTime()) ? `${timeNs} ns` : date.toISOString();
}
