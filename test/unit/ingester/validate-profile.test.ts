// What a readable profile must not be, and which rule is named when several are broken.
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/errors.ts';
import { validateProfile } from '../../../src/ingester/validate-profile.ts';
import type { ScanFacts } from '../../../src/kernel/facts.ts';
import { defaultLimits, type Limits } from '../../../src/limits/limits.ts';
import { msToNs } from '../../../src/model/time.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const hourMs = 3_600_000;
const labels = [{ name: 'service_name', value: 'shop' }];

interface Parts {
  timeNs?: bigint;
  samples?: number;
  sampleLabels?: number;
  type?: string;
}

function refusalOf(parts: Parts, limits: Partial<Limits> = {}): Failure | undefined {
  const { timeNs = msToNs(nowMs), samples = 1, sampleLabels = 0, type = 'cpu' } = parts;
  const facts = {
    sampleCount: samples,
    sampleLabelsMax: sampleLabels,
    sampleTypes: [{ type, unit: 'count' }],
  } as ScanFacts;
  try {
    validateProfile({ facts, labels, timeNs }, { ...defaultLimits, ...limits }, nowMs);
    return undefined;
  } catch (error) {
    return error as Failure;
  }
}

const old: Parts = { timeNs: msToNs(nowMs - hourMs) - 1n };
const early: Parts = { timeNs: msToNs(nowMs + hourMs / 6) + 1n };

describe('validateProfile', () => {
  it('accepts both ends of the window, and all that is just within its limits', () => {
    const full = { samples: 16_000, sampleLabels: 100 };
    for (const timeMs of [nowMs - hourMs, nowMs + hourMs / 6]) {
      expect(refusalOf({ ...full, timeNs: msToNs(timeMs) })).toBeUndefined();
    }
  });

  it('names labels, time, window and limit of a profile outside the window', () => {
    expect(refusalOf(old)).toMatchObject({
      kind: 'invalid',
      reason: 'not_in_ingestion_window',
      message:
        'profile of 2026-01-02T02:04:04.999Z is not in the ingestion window from ' +
        '2026-01-02T02:04:05.000Z to 2026-01-02T03:14:05.000Z (rejectOlderThanMs) ' +
        'in {service_name="shop"}',
    });
    expect(refusalOf(early)?.message).toContain('(rejectNewerThanMs)');
  });

  it('shows a time that no calendar has', () => {
    const { message } = refusalOf({ timeNs: 2n ** 63n - 1n }) as Failure;
    expect(message).toMatch(/^profile of (2262-04-11T|9223372036854775807 ns)/);
  });

  it('has no bound on the side whose limit is 0', () => {
    expect(refusalOf(old, { rejectOlderThanMs: 0 })).toBeUndefined();
    expect(refusalOf(early, { rejectNewerThanMs: 0 })).toBeUndefined();
    expect(refusalOf(early, { rejectOlderThanMs: 0 })?.message).toContain('from any time to');
    expect(refusalOf(old, { rejectNewerThanMs: 0 })?.message).toContain('to any time');
  });

  it.each([
    ['samples', { samples: 16_001 }, 'profile has 16001 samples, limit 16000 (samplesMax)'],
    ['labels', { sampleLabels: 101 }, 'a sample has 101 labels, limit 100 (sampleLabelsMax)'],
    ['a dash', { type: 'a-b' }, 'sample type "a-b" contains "-"'],
  ])('says what is too much: %s', (_what, parts, message) => {
    expect(refusalOf(parts)?.message).toBe(`${message} in {service_name="shop"}`);
  });

  const rules: [reason: string, parts: Parts][] = [
    ['not_in_ingestion_window', old],
    ['samples_limit', { samples: 16_001 }],
    ['sample_labels_limit', { sampleLabels: 101 }],
    ['malformed_profile', { type: 'a-b' }],
  ];

  it.each(rules.map(([reason], i) => [reason, i] as const))(
    'names %s before all that comes after it',
    (reason, i) => {
      for (let j = i; j < rules.length; j++) {
        const broken = rules.slice(i, j + 1).map(([, parts]) => parts);
        expect(refusalOf(Object.assign({}, ...broken))?.reason).toBe(reason);
      }
    },
  );
});
