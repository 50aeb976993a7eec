// What a pprof says about itself: types, period, time. Owns the header of answers and how it is
// put over a source's pprof without decoding the samples.
// https://github.com/google/pprof/blob/main/proto/profile.proto
import type { PprofHeader } from '../kernel/pprof-options.ts';
import { FieldWriter, fieldsOf } from './protobuf.ts';
import { rangeNs } from './range.ts';
import type { SelectPlan } from './validate.ts';

/** Fields of the message `Profile` that the header owns. */
const fields = {
  sampleType: 1,
  strings: 6,
  timeNs: 9,
  durationNs: 10,
  periodType: 11,
  period: 12,
  defaultSampleType: 14,
} as const;
const owned: ReadonlySet<number> = new Set([
  fields.sampleType,
  fields.timeNs,
  fields.durationNs,
  fields.periodType,
  fields.period,
  fields.defaultSampleType,
]);

/** The period that profilers use by default; blocks mix profiles of several periods. */
const periods: Readonly<Record<string, bigint>> = {
  process_cpu: 1_000_000_000n,
  memory: 524_288n,
};

/** The header of a plan's answer: it lasts over the whole range and ends with it. */
export function headerOf({ profileType, range }: SelectPlan): PprofHeader {
  const { startNs, endNs } = rangeNs(range);
  return {
    sampleType: profileType.sampleType,
    sampleUnit: profileType.sampleUnit,
    periodType: profileType.periodType,
    periodUnit: profileType.periodUnit,
    period: periods[profileType.name] ?? 1n,
    timeNs: endNs,
    durationNs: endNs - startNs,
  };
}

/**
 * The profile with this header in place of its own. Its samples, symbols and strings are copied as
 * they are; the header's strings are appended. An empty profile makes one without samples.
 */
export function withHeader(profile: Uint8Array, header: PprofHeader): Uint8Array {
  const kept: Uint8Array[] = [];
  let strings = 0;
  let from = 0;
  for (const field of fieldsOf(profile)) {
    if (field.number === fields.strings) strings++;
    if (!owned.has(field.number)) continue;
    kept.push(profile.subarray(from, field.from));
    from = field.end;
  }
  kept.push(profile.subarray(from));
  kept.push(headerFields(header, strings));
  const whole = new Uint8Array(kept.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of kept) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function headerFields(header: PprofHeader, strings: number): Uint8Array {
  const out = new FieldWriter();
  const encoder = new TextEncoder();
  let count = strings;
  const intern = (text: string) => {
    if (text === '') return 0;
    out.bytes(fields.strings, encoder.encode(text));
    return count++;
  };
  // The first string of every table is the empty one.
  if (strings === 0) {
    out.bytes(fields.strings, []);
    count = 1;
  }
  const valueType = (type: number, unit: number) =>
    new FieldWriter().number(1, type).number(2, unit).finish();
  const sampleType = intern(header.sampleType);
  out.bytes(fields.sampleType, valueType(sampleType, intern(header.sampleUnit)));
  const periodType = intern(header.periodType);
  out.bytes(fields.periodType, valueType(periodType, intern(header.periodUnit)));
  return out
    .number(fields.timeNs, header.timeNs)
    .number(fields.durationNs, header.durationNs)
    .number(fields.period, header.period)
    .number(fields.defaultSampleType, sampleType)
    .finish();
}
