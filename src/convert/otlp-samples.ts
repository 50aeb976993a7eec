// The samples of one OTLP profile with their values and labels, split by service: a host profiler
// puts the processes of many services into one profile. Owns the value of a sample and what its
// attributes and link become.
import { Failure } from '../errors.ts';
import { Pace, type Steps } from '../lib/steps.ts';
import type { Label } from '../model/labels.ts';
import type { OtlpDictionary, OtlpProfile, OtlpSample } from './otlp-model.ts';
import { attributesOf, rowOf } from './otlp-tables.ts';
import type { PprofLabel } from './pprof-writer.ts';

const serviceNameKey = 'service.name';

export interface GroupedSample {
  stack: number;
  value: bigint;
  labels: readonly PprofLabel[];
}

const unitsOfSample = 128;
const unitsOfAttribute = 64;

const noLabels: readonly PprofLabel[] = [];
const int64Max = 2n ** 63n - 1n;

/**
 * Samples by the service that they name themselves, the empty text for those that do not; in the
 * order of the profile. Throws `invalid` for a sample that has neither values nor timestamps: it
 * would be stored as a zero that nobody measured.
 */
export function* samplesByService(
  profile: OtlpProfile,
  factor: bigint,
  tables: OtlpDictionary,
): Steps<Map<string, GroupedSample[]>> {
  const pace = new Pace();
  const services = new Map<string, GroupedSample[]>();
  for (const [index, sample] of profile.samples.entries()) {
    const value = observed(sample, factor, index);
    const attributes = attributesOf(tables, sample.attributes);
    const service = attributes.find(({ name }) => name === serviceNameKey)?.value ?? '';
    const labels = labelsOf(attributes, sample.link, tables);
    const group = services.get(service);
    const grouped = { stack: sample.stack, value, labels };
    if (group === undefined) services.set(service, [grouped]);
    else group.push(grouped);
    if (pace.spend(unitsOfSample + unitsOfAttribute * sample.attributes.length)) yield;
  }
  return services;
}

/** Without values every timestamp is one observation of 1. */
function observed(sample: OtlpSample, factor: bigint, index: number): bigint {
  const { value, timestampCount } = sample;
  if (value === undefined && timestampCount === 0) {
    throw new Failure('invalid', `sample ${index} has neither values nor timestamps`);
  }
  const scaled = (value ?? BigInt(timestampCount)) * factor;
  if (scaled > int64Max || scaled < -int64Max) {
    throw new Failure('invalid', `value ${scaled} of sample ${index} is over int64`);
  }
  return scaled;
}

function labelsOf(
  attributes: readonly Label[],
  link: number,
  tables: OtlpDictionary,
): readonly PprofLabel[] {
  const labels: PprofLabel[] = [];
  if (link !== 0) {
    const { spanId, traceId } = rowOf(tables.links, link, 'link');
    if (spanId !== '') labels.push({ key: 'span_id', text: spanId });
    if (traceId !== '') labels.push({ key: 'trace_id', text: traceId });
  }
  for (const { name, value } of attributes) {
    if (name !== serviceNameKey) labels.push({ key: name, text: value });
  }
  return labels.length === 0 ? noLabels : labels;
}
