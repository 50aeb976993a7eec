// From the types of an OTLP profile to the name and the types it is stored under, which are
// Pyroscope's, so that dashboards find the same names. Owns that table and nothing else.
import { Failure } from '../errors.ts';
import type { OtlpDictionary, OtlpProfile, OtlpType } from './otlp-model.ts';
import { stringOf } from './otlp-tables.ts';
import type { PprofType } from './pprof-writer.ts';

export interface StoredType {
  /** Value of `__name__`. */
  name: string;
  sampleType: PprofType;
  /** Undefined when the profile has none, or no period to go with it. */
  periodType: PprofType | undefined;
  period: bigint;
  /** What values are multiplied by. */
  factor: bigint;
}

/**
 * | sample type | period type | name | stored as |
 * |---|---|---|---|
 * | samples:count | cpu:nanoseconds | process_cpu | cpu:nanoseconds, values × period |
 * | off_cpu:nanoseconds | none | off_cpu | as it is |
 * | any other | any | the period's type | as it is |
 *
 * Throws `invalid` for a profile without a sample type, and for one that would have no name.
 */
export function storedType(profile: OtlpProfile, tables: OtlpDictionary): StoredType {
  const sampleType = typeOf(profile.sampleType, tables);
  if (sampleType === undefined) throw new Failure('invalid', 'profile has no sample type');
  const { period } = profile;
  const periodType = period === 0n ? undefined : typeOf(profile.periodType, tables);
  if (periodType === undefined) {
    if (isType(sampleType, 'off_cpu', 'nanoseconds')) {
      return { name: 'off_cpu', sampleType, periodType, period: 0n, factor: 1n };
    }
    const { type, unit } = sampleType;
    const shown = JSON.stringify(`${type}:${unit}`.slice(0, 128));
    const cure = 'set period_type and a period, whose type becomes the name';
    throw new Failure('invalid', `profile of ${shown} has no name: ${cure}`);
  }
  const isCpu = isType(sampleType, 'samples', 'count') && isType(periodType, 'cpu', 'nanoseconds');
  return isCpu
    ? { name: 'process_cpu', sampleType: periodType, periodType, period, factor: period }
    : { name: periodType.type, sampleType, periodType, period, factor: 1n };
}

function isType({ type, unit }: PprofType, wantedType: string, wantedUnit: string): boolean {
  return type === wantedType && unit === wantedUnit;
}

/** Undefined for a type without a name, which is what the null entry of the strings gives. */
function typeOf(given: OtlpType | undefined, tables: OtlpDictionary): PprofType | undefined {
  if (given === undefined) return undefined;
  const type = stringOf(tables, given.type);
  return type === '' ? undefined : { type, unit: stringOf(tables, given.unit) };
}
