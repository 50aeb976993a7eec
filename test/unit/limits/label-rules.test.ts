// Label rules: every reason once.
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/errors.ts';
import { validateLabels } from '../../../src/limits/label-rules.ts';
import { defaultLimits } from '../../../src/limits/limits.ts';
import type { Label } from '../../../src/model/labels.ts';

const good: Label[] = [
  { name: '__name__', value: 'cpu' },
  { name: 'service_name', value: 's' },
];

function refusalOf(labels: Label[]): { message: string; reason: string | undefined } | undefined {
  try {
    validateLabels(labels, defaultLimits);
    return undefined;
  } catch (error) {
    const { message, reason, kind } = error as Failure;
    expect(kind).toBe('invalid');
    return { message, reason };
  }
}

describe('validateLabels', () => {
  it('accepts names with dots and any UTF-8, as Pyroscope does', () => {
    expect(refusalOf([...good, { name: 'k8s.pod-ü', value: '☃' }])).toBeUndefined();
  });

  it.each([
    [
      'max_label_names_per_series',
      'series has 31 labels, limit 30 (labelNamesMax)',
      [...good, ...Array.from({ length: 29 }, (_, i) => ({ name: `l${i}`, value: 'v' }))],
    ],
    ['invalid_labels', 'label __name__ is missing', good.slice(1)],
    ['invalid_labels', 'label name is empty', [...good, { name: '', value: 'v' }]],
    ['invalid_labels', 'label name is not valid utf-8', [...good, { name: '\ud800', value: 'v' }]],
    [
      'invalid_labels',
      'value of label "x" is not valid utf-8',
      [...good, { name: 'x', value: '\udc00' }],
    ],
    [
      'label_name_too_long',
      'is 1026 bytes, limit 1024 (labelNameBytesMax)',
      [...good, { name: 'é'.repeat(513), value: 'v' }],
    ],
    [
      'label_value_too_long',
      'value of label "x" is 2049 bytes, limit 2048 (labelValueBytesMax)',
      [...good, { name: 'x', value: 'v'.repeat(2049) }],
    ],
    [
      'duplicate_label_names',
      'label "x" is given twice',
      [...good, { name: 'x', value: '1' }, { name: 'x', value: '2' }],
    ],
  ])('refuses with reason %s: %s', (reason, message, labels) => {
    const refusal = refusalOf(labels);
    expect(refusal?.reason).toBe(reason);
    expect(refusal?.message).toContain(message);
    expect(refusal?.message).not.toContain('\n');
    expect(refusal?.message.length).toBeLessThan(800);
  });

  const many = Array.from({ length: 29 }, (_, i) => ({ name: `l${i}`, value: 'v' }));
  const longName = { name: 'n'.repeat(1_025), value: 'v' };
  const longValue = { name: 'x', value: 'v'.repeat(2_049) };

  it.each([
    ['too many labels', 'max_label_names_per_series', [...many, longName, longValue]],
    ['the missing name', 'invalid_labels', [good[1], longName, longValue]],
    ['a long name', 'label_name_too_long', [...good, { ...longName, value: longValue.value }]],
    ['a long name', 'label_name_too_long', [...good, { ...longName, value: '\ud800' }]],
    ['a long value', 'label_value_too_long', [...good, { ...longValue, name: '' }]],
    ['a long value', 'label_value_too_long', [...good, longValue, longValue]],
    ['a wrong name', 'invalid_labels', [...good, { name: '\ud800', value: '1' }, longValue]],
    [
      'a value of a label given twice',
      'invalid_labels',
      [...good, { name: 'x', value: '1' }, { name: 'x', value: '\ud800' }],
    ],
  ])('names %s first, with reason %s', (_what, reason, labels) => {
    expect(refusalOf(labels as Label[])?.reason).toBe(reason);
  });
});
