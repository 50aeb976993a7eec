// Label sets: what is stored of what was sent, order, identity.
import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../src/lib/compare-utf8.ts';
import { createFingerprint } from '../../../src/model/fingerprint.ts';
import {
  compareLabels,
  finalLabels,
  type Label,
  labelsKey,
  renderLabels,
} from '../../../src/model/labels.ts';
import { parseProfileType, seriesLabels } from '../../../src/model/profile-type.ts';

function labels(text: Record<string, string>): Label[] {
  return Object.entries(text).map(([name, value]) => ({ name, value }));
}

describe('finalLabels', () => {
  it('sorts, names a missing service, leaves control labels and empty values out', () => {
    const sent = labels({
      zone: 'b',
      __delta__: 'false',
      __session_id__: '00',
      __order__: 'enforced',
      __otel__: 'true',
      empty: '',
      __name__: 'memory',
    });
    expect(finalLabels(sent)).toEqual(
      labels({ __name__: 'memory', service_name: 'unknown_service', zone: 'b' }),
    );
  });

  it('keeps duplicates for validation to refuse', () => {
    const sent = [...labels({ a: '1', service_name: 's' }), { name: 'a', value: '2' }];
    expect(finalLabels(sent).map((label) => label.value)).toEqual(['1', '2', 's']);
  });
});

describe('seriesLabels', () => {
  const base = labels({ __name__: 'process_cpu', __type__: 'forged', service_name: 's' });

  it('adds what a sample type tells and replaces what a client claims of it', () => {
    const sample = { type: 'cpu', unit: 'nanoseconds' };
    expect(seriesLabels(base, sample, { type: 'cpu', unit: 'nanoseconds' })).toEqual(
      labels({
        __name__: 'process_cpu',
        __period_type__: 'cpu',
        __period_unit__: 'nanoseconds',
        __profile_type__: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
        __type__: 'cpu',
        __unit__: 'nanoseconds',
        service_name: 's',
      }),
    );
  });

  it('keeps five parts without a period type', () => {
    const set = seriesLabels(base, { type: 'off_cpu', unit: 'nanoseconds' }, undefined);
    expect(set).toContainEqual({
      name: '__profile_type__',
      value: 'process_cpu:off_cpu:nanoseconds::',
    });
  });
});

describe('parseProfileType', () => {
  it('reads five parts, ignores a sixth, refuses others', () => {
    expect(parseProfileType('a:b:c:d:e')?.periodUnit).toBe('e');
    expect(parseProfileType('a:b:c:::delta')?.sampleUnit).toBe('c');
    expect(parseProfileType('a:b:c')).toBeUndefined();
  });
});

describe('order and identity', () => {
  it('compares strings by UTF-8 bytes', () => {
    const words = ['\u{1f600}', '\uffee', 'z', 'a', 'é', 'ab', ''];
    const byBytes = [...words].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect([...words].sort(compareUtf8)).toEqual(byBytes);
  });

  it('puts the shorter label set first and compares pair by pair', () => {
    const sets = [labels({ a: '2' }), labels({ a: '1', b: '1' }), labels({ a: '1' })];
    expect(sets.sort(compareLabels)).toEqual([
      labels({ a: '1' }),
      labels({ a: '1', b: '1' }),
      labels({ a: '2' }),
    ]);
  });

  it('tells sets apart that look alike when joined', () => {
    const a = [{ name: 'a', value: '1b1:2' }];
    const b = labels({ a: '1', b: '2' });
    expect(labelsKey(a)).not.toBe(labelsKey(b));
  });

  it('renders as Pyroscope does', () => {
    expect(renderLabels(labels({ a: 'x"y', b: '2' }))).toBe('{a="x\\"y", b="2"}');
  });

  it('fingerprints by XXH64 over name and value, each ended by 0xff', async () => {
    const fingerprint = await createFingerprint();
    // XXH64 of no bytes at all, from the algorithm's published test vectors.
    expect(fingerprint([])).toBe(0xef46db3751d8e999n);
    expect(fingerprint(labels({ a: 'b' }))).not.toBe(fingerprint(labels({ ab: '' })));
  });
});
