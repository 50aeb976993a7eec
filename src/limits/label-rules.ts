// Whether a label set may become a series. Owns the checks and their order, which is Pyroscope's:
// clients and dashboards know the reasons by it.
import { Failure } from '../errors.ts';
import { type Labels, labelNames, labelValue, renderLabels } from '../model/labels.ts';
import type { Limits } from './limits.ts';

/** Labels shown in a message are cut to this many characters: a message is one line. */
const renderedCharsMax = 500;

/**
 * Throws `invalid` with the metric reason for the first rule that a sorted label set breaks.
 */
export function validateLabels(labels: Labels, limits: Limits): void {
  const refuse = (reason: string, message: string) => {
    throw new Failure('invalid', `${message} in ${shown(labels)}`, { reason });
  };
  if (labels.length > limits.labelNamesMax) {
    refuse(
      'max_label_names_per_series',
      `series has ${labels.length} labels, limit ${limits.labelNamesMax}`,
    );
  }
  if (labelValue(labels, labelNames.name) === '') {
    refuse('invalid_labels', `label ${labelNames.name} is missing`);
  }
  let previous: string | undefined;
  for (const { name, value } of labels) {
    if (name === '') refuse('invalid_labels', 'label name is empty');
    if (!name.isWellFormed()) refuse('invalid_labels', 'label name is not valid utf-8');
    checkBytes('label_name_too_long', 'name', name, name, limits.labelNameBytesMax, labels);
    checkBytes('label_value_too_long', 'value', name, value, limits.labelValueBytesMax, labels);
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
  name: string,
  text: string,
  bytesMax: number,
  labels: Labels,
): void {
  // A UTF-16 unit is at most three bytes of UTF-8: most labels need no encoding to be measured.
  if (text.length * 3 <= bytesMax) return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= bytesMax) return;
  const which = JSON.stringify(name.slice(0, 64));
  throw new Failure(
    'invalid',
    `${part} of label ${which} is ${bytes} bytes, limit ${bytesMax} in ${shown(labels)}`,
    { reason },
  );
}

function shown(labels: Labels): string {
  const text = renderLabels(labels);
  return text.length <= renderedCharsMax ? text : `${text.slice(0, renderedCharsMax)}…`;
}
