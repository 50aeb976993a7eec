// Whether there is room: what is refused for now, for whom, and with which numbers.
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/errors.ts';
import { type AdmitContext, admit } from '../../../src/ingester/admit.ts';
import type { Prepared } from '../../../src/ingester/prepare.ts';
import type { DiskRoom } from '../../../src/ingester/retention-rules.ts';
import { defaultLimits } from '../../../src/limits/limits.ts';

interface Parts extends Partial<AdmitContext> {
  /** What the tenant holds of memory, log and disk. */
  memory?: number;
  log?: number;
  series?: number;
  /** Label bytes of its series. */
  labels?: number;
}

function context({ memory = 0, log = 0, series = 0, labels = 0, ...given }: Parts): AdmitContext {
  const labelBytes = labels;
  const activeSeries = {
    counts: (keys: ReadonlySet<string>) => ({ active: series, added: keys.size, labelBytes }),
  };
  return {
    tenant: 'a',
    limits: defaultLimits,
    database: { bytesUsed: () => memory },
    activeSeries,
    nowMs: 0,
    memoryUsed: 0,
    memoryMax: 1_000,
    logUsed: 0,
    logBytesMax: 1_000,
    logBytesOf: (tenant) => (tenant === 'a' ? log : 1_000),
    tenantCount: 4,
    memoryHeld: () => [],
    logHeld: () => [],
    disk: undefined,
    ...given,
  };
}

function disk(usedPart: number, held: Record<string, number>): DiskRoom {
  const bytesOf = (tenant: string) => held[tenant] ?? 0;
  return { usedPart, bytesMax: 1_000, tenantCount: 2, bytesOf };
}

const profile = {
  body: new Uint8Array(10),
  plan: { series: [{ key: 'a' }, { key: 'b' }] },
  labels: [],
  facts: { groups: [{ labels: [] }] },
  folded: { groups: 0, room: 0 },
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
    [
      { series: 4_999 },
      'limit',
      'tenant has 4999 active series and would get 2 more, limit 5000 (seriesMax)',
    ],
    [
      { series: 7, labels: 40_000_000 },
      'limit',
      'labels of 9 active series would take 40000000 bytes, limit 33554432 (seriesLabelBytesMax)',
    ],
  ])('refuses %j', (parts, kind, message) => {
    expect(refusalOf(context(parts))).toMatchObject({ kind, message });
  });
});

describe('a tenant over its share', () => {
  const one = { memory: 251, log: 251 };

  it.each([
    ['memory', 'memory_limit', { ...one, memoryUsed: 901 }, 250],
    ['log space', 'log_full', { ...one, logUsed: 901 }, 250],
    ['local disk', 'disk_full', { disk: disk(0.91, { a: 501, b: 400 }) }, 500],
  ])('is refused before others when %s is short', (name, reason, parts, share) => {
    expect(refusalOf(context(parts))).toMatchObject({
      kind: 'unavailable',
      message: `${name} is short: the tenant holds ${share + 1} bytes, its share is ${share}`,
      reason,
      retryAfterSeconds: 5,
    });
  });

  it.each([
    ['memory', { memory: 250, memoryUsed: 901 }],
    ['log space', { log: 250, logUsed: 901 }],
    ['local disk', { disk: disk(0.91, { a: 500, b: 501 }) }],
  ])('is not one that holds just its share of %s', (_name, parts) => {
    expect(refusalOf(context(parts))).toBeUndefined();
  });

  it.each([
    ['memory', { memory: 800, memoryUsed: 900 }],
    ['log space', { log: 800, logUsed: 900 }],
    ['local disk', { disk: disk(0.9, { a: 800 }) }],
  ])('is refused nothing while there is enough %s', (_name, parts) => {
    expect(refusalOf(context(parts))).toBeUndefined();
  });

  it('lets a tenant hold what many small ones leave', () => {
    const small = Array<number>(100).fill(1);
    const given = { tenantCount: 102, memoryUsed: 950, memoryHeld: () => [...small, 300, 500] };
    expect(refusalOf(context({ ...given, memory: 300 }))).toBeUndefined();
    expect(refusalOf(context({ ...given, memory: 500 }))?.message).toBe(
      'memory is short: the tenant holds 500 bytes, its share is 450',
    );
  });
});
