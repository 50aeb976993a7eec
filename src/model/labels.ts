// Label sets: name-value pairs sorted by name. Owns order, rendering and the reserved names;
// validation against limits is in `limits/`.
import { compareUtf8 } from '../lib/compare-utf8.ts';

export interface Label {
  name: string;
  value: string;
}

/** Sorted by name in UTF-8 byte order, names unique, no empty value. */
export type Labels = readonly Label[];

/** The names that belong to Pyroscope's wire. */
export const labelNames = {
  name: '__name__',
  serviceName: 'service_name',
  type: '__type__',
  unit: '__unit__',
  periodType: '__period_type__',
  periodUnit: '__period_unit__',
  profileType: '__profile_type__',
  delta: '__delta__',
  sessionId: '__session_id__',
  order: '__order__',
  otel: '__otel__',
  nameReplaced: '__name_replaced__',
} as const;

/** Steer the server or belong to one client process: taken off before a profile is stored. */
const controlNames: ReadonlySet<string> = new Set([
  labelNames.delta,
  labelNames.order,
  labelNames.otel,
  labelNames.sessionId,
]);

/** True for the labels that are taken off before a profile is stored. */
export function isControlLabel(name: string): boolean {
  return controlNames.has(name);
}

/** What a profile without a service is filed under. */
export const unknownService = 'unknown_service';

/** A copy sorted by name; equal names keep their order. */
export function sortLabels(labels: readonly Label[]): Label[] {
  return [...labels].sort((a, b) => compareUtf8(a.name, b.name));
}

/** The value of `name`, or the empty string: a label set never tells absent from empty. */
export function labelValue(labels: readonly Label[], name: string): string {
  for (const label of labels) if (label.name === name) return label.value;
  return '';
}

/** How older agents name profiles of Go that are deltas: everybody asks for them without it. */
const deltaName = /^godeltaprof_(.+)$/s;

/**
 * What is stored of the labels a client sent: control labels and empty values are left out, a
 * missing service becomes `unknown_service`, names of deltas become plain ones, the rest is sorted.
 * Duplicates stay, to be refused.
 */
export function finalLabels(sent: readonly Label[]): Label[] {
  const kept = sent.filter((label) => label.value !== '' && !isControlLabel(label.name));
  const given = labelValue(kept, labelNames.name);
  const [, plainName] = deltaName.exec(given) ?? [];
  if (plainName !== undefined) {
    const at = kept.findIndex(({ name }) => name === labelNames.name);
    kept[at] = { name: labelNames.name, value: plainName };
    kept.push({ name: labelNames.nameReplaced, value: given });
  }
  if (labelValue(kept, labelNames.serviceName) === '') {
    kept.push({ name: labelNames.serviceName, value: unknownService });
  }
  return sortLabels(kept);
}

/** Orders two sorted label sets: pair by pair, name then value, the shorter first. */
export function compareLabels(a: Labels, b: Labels): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a[i] as Label;
    const y = b[i] as Label;
    const order = compareUtf8(x.name, y.name) || compareUtf8(x.value, y.value);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** `{name="value", name2="value2"}`, for messages. */
export function renderLabels(labels: readonly Label[]): string {
  return `{${labels.map((label) => `${label.name}=${JSON.stringify(label.value)}`).join(', ')}}`;
}

/** A string that equals another's exactly when the label sets are equal. */
export function labelsKey(labels: Labels): string {
  let key = '';
  for (const label of labels) {
    key += `${label.name.length}:${label.name}${label.value.length}:${label.value}`;
  }
  return key;
}
