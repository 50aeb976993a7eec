// Whether there is room: what is refused for now, for whom, and with which numbers.
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/errors.ts';
import { type AdmitContext, admit } from '../../../src/ingester/admit.ts';
import type { Prepared } from '../../../src/ingester/prepare.ts';
import { defaultLimits } from '../../../src/limits/limits.ts';

function context(parts: Partial<AdmitContext> & { tenantUsed?: number; series?: number }) {
  const { tenantUsed = 0, series = 0, ...given } = parts;
  const database = {
    bytesUsed: () => tenantUsed,
    seriesCounts: (keys: ReadonlySet<string>) => ({ live: series, added: keys.size }),
  } as unknown as AdmitContext['database'];
  return {
    limits: defaultLimits,
    database,
    memoryUsed: 0,
    memoryMax: 1_000,
    logUsed: 0,
    logBytesMax: 1_000,
    tenantCount: 4,
    ...given,
  };
}

const profile = {
  body: new Uint8Array(10),
  plan: { series: [{ key: 'a' }, { key: 'b' }] },
} as unknown as Prepared;

function refusalOf(given: AdmitContext): Failure | undefined {
  try {
    admit([profile], given);
    return undefined;
  } catch (error) {
    return error as Failure;
  }
}

describe('admit', () => {
  it('lets in what there is room for', () => {
    expect(refusalOf(context({ memoryUsed: 990, logUsed: 990 }))).toBeUndefined();
  });

  it.each([
    [{ memoryUsed: 991 }, 'unavailable', 'memory in use is 991 bytes, limit 1000 (memoryMax)'],
    [{ logUsed: 991 }, 'unavailable', 'log holds 991 bytes, limit 1000 (logBytesMax)'],
    [{ series: 4_999 }, 'limit', 'tenant has 4999 series and would get 2 more, limit 5000'],
    [
      { memoryUsed: 901, tenantUsed: 251 },
      'unavailable',
      'memory is short and the tenant uses 251 bytes of it, its share is 250',
    ],
  ])('refuses %j', (parts, kind, message) => {
    expect(refusalOf(context(parts))).toMatchObject({ kind, message });
  });

  it('refuses nobody for the share alone while there is memory', () => {
    expect(refusalOf(context({ memoryUsed: 900, tenantUsed: 800 }))).toBeUndefined();
  });
});
