// What sources hand to the kernel for a query, from the terms of the query: heads and blocks do it
// alike.
import { assert } from '../errors.ts';
import { parseProfileType } from '../model/profile-type.ts';
import type { SampleFilter, StackQuery } from '../model/source.ts';
import type { PprofHeader } from './pprof-options.ts';
import type { SpanFilter } from './stack-sums.ts';

const traceIdBytes = 16;

/** The part of a filter that is about spans. */
export function spanFilterOf({ spanIds, traceIds }: SampleFilter): SpanFilter {
  return {
    ...(spanIds && { spanIds: BigUint64Array.from(spanIds) }),
    ...(traceIds && { traceIds: concatenated(traceIds) }),
  };
}

/** Makes a part a whole pprof; whoever merges parts writes a header of its own. */
export function partHeader({ profileType, startNs, endNs }: StackQuery): PprofHeader {
  const type = parseProfileType(profileType);
  return {
    sampleType: type?.sampleType ?? '',
    sampleUnit: type?.sampleUnit ?? '',
    periodType: type?.periodType ?? '',
    periodUnit: type?.periodUnit ?? '',
    period: 0n,
    timeNs: startNs,
    durationNs: endNs - startNs,
  };
}

function concatenated(ids: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * traceIdBytes);
  for (const [i, id] of ids.entries()) {
    assert(id.length === traceIdBytes, `trace id has ${id.length} bytes, not ${traceIdBytes}`);
    bytes.set(id, i * traceIdBytes);
  }
  return bytes;
}
