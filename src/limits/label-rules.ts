// Whether a label set may become a series. Owns the checks and their order, which is Pyroscope's:
// clients and dashboards know the reasons by it.
import { Failure } from '../errors.ts';
import { type Label, type Labels, labelNames, labelValue, renderLabels } from '../model/labels.ts';
import type { Limits } from './limits.ts';

/** Labels shown in a message are cut to this many characters: a message is one line. */
const renderedCharsMax = 500;

/**
 * Throws `invalid` with the metric reason for the first rule that a sorted label set breaks.
 */
export function validateLabels(labels: Labels, limits: Limits): void {
  const refuse = (reason: string, message: string) => {
    throw new Failure('invalid', `${message} in ${shownLabels(labels)}`, { reason });
  };
  if (labels.length > limits.labelNamesMax) {
    refuse(
      'max_label_names_per_series',
      `series has ${labels.length} labels, limit ${limits.labelNamesMax} (labelNamesMax)`,
    );
  }
  if (labelValue(labels, labelNames.name) === '') {
    refuse('invalid_labels', `label ${labelNames.name} is missing`);
  }
  let previous: string | undefined;
  for (const label of labels) {
    const { name, value } = label;
    checkBytes('label_name_too_long', 'name', label, 'labelNameBytesMax', labels, limits);
    checkBytes('label_value_too_long', 'value', label, 'labelValueBytesMax', labels, limits);
    if (name === '') refuse('invalid_labels', 'label name is empty');
    if (!name.isWellFormed()) refuse('invalid_labels', 'label name is not valid utf-8');
    if (!value.isWellFormed()) {
      refuse('invalid_labels', `value of label ${JSON.stringify(name)} is not valid utf-8`);
    }
    if (name === previous) {
      refuse('duplicate_label_names', `label ${JSON.stringify(name)} is given twice`);
    }
    previous = name;
  }
}

function checkBytes(
  reason: string,
  part: 'name' | 'value',
  label: Label,
  limit: 'labelNameBytesMax' | 'labelValueBytesMax',
  labels: Labels,
  limits: Limits,
): void {
  const text = label[part];
  const bytesMax = limits[limit];
  // A UTF-16 unit is at most three bytes of UTF-8: most labels need no encoding to be measured.
  if (text.length * 3 <= bytesMax) return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= bytesMax) return;
  const which = `${part} of label ${JSON.stringify(label.name.slice(0, 64))}`;
  const measure = `${bytes} bytes, limit ${bytesMax} (${limit})`;
  throw new Failure('invalid', `${which} is ${measure} in ${shownLabels(labels)}`, { reason });
}

/** A label set for a message, cut where it is long. */
export function shownLabels(labels: Labels): string {
  const text = renderLabels(labels);
  return text.length <= renderedCharsMax ? text : `${text.slice(0, renderedCharsMax)}…`;
}
