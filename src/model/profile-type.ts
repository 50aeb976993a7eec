// Profile types: the five-part id (`process_cpu:cpu:nanoseconds:cpu:nanoseconds`) and the labels
// that a sample type adds to a profile's own.
import { type Label, type Labels, labelNames, labelValue, sortLabels } from './labels.ts';

export interface ProfileType {
  id: string;
  name: string;
  sampleType: string;
  sampleUnit: string;
  periodType: string;
  periodUnit: string;
}

interface TypeAndUnit {
  type: string;
  unit: string;
}

/** The names a sample type sets: whatever a client or a sample says about them is replaced. */
const typeNames: ReadonlySet<string> = new Set([
  labelNames.type,
  labelNames.unit,
  labelNames.periodType,
  labelNames.periodUnit,
  labelNames.profileType,
]);

/** True for the names that only the server sets. */
export function isTypeLabel(name: string): boolean {
  return typeNames.has(name);
}

/** Always five parts; the last two are empty when the profile has no period type. */
export function profileTypeId(
  name: string,
  sample: TypeAndUnit,
  period: TypeAndUnit | undefined,
): string {
  return [name, sample.type, sample.unit, period?.type ?? '', period?.unit ?? ''].join(':');
}

/** The parts of an id; a sixth (`:delta`) is ignored. Undefined when it is malformed. */
export function parseProfileType(id: string): ProfileType | undefined {
  const parts = id.split(':');
  if (parts.length !== 5 && parts.length !== 6) return undefined;
  const [name, sampleType, sampleUnit, periodType, periodUnit] = parts as [
    string,
    string,
    string,
    string,
    string,
  ];
  return { id, name, sampleType, sampleUnit, periodType, periodUnit };
}

/** The label set of one stored series: the profile's labels and those of the sample type. */
export function seriesLabels(
  labels: Labels,
  sample: TypeAndUnit,
  period: TypeAndUnit | undefined,
): Label[] {
  const set = labels.filter((label) => !typeNames.has(label.name));
  const id = profileTypeId(labelValue(labels, labelNames.name), sample, period);
  const add = (name: string, value: string) => {
    if (value !== '') set.push({ name, value });
  };
  add(labelNames.type, sample.type);
  add(labelNames.unit, sample.unit);
  if (period !== undefined) {
    add(labelNames.periodType, period.type);
    add(labelNames.periodUnit, period.unit);
  }
  add(labelNames.profileType, id);
  return sortLabels(set);
}
