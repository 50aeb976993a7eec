// One pprof for what is selected: its header, what is passed through, what is merged and cut.
import { Profile } from 'pprof-format';
import { describe, expect, test } from 'vitest';
import { withHeader } from '../../../src/query/pprof-header.ts';
import { readAnswer } from '../../support/query-answers.ts';
import { createEngine, nowMs, pushStacks, requestOf } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

const whole = { samples: {} };

function engineOf(stacks: Record<string, number | bigint>[], rowsPerSource = 1) {
  const model = new QueryModel();
  for (const one of stacks) pushStacks(model, { stacks: one });
  return createEngine(model, { rowsPerSource });
}

const sumsOf = (bytes: Uint8Array) =>
  Object.fromEntries(
    [...readAnswer(bytes).sums].map(([stack, value]) => [
      stack
        .split('\n')
        .map((frame) => frame.split('|')[0])
        .join(';'),
      value,
    ]),
  );

test('passes the pprof of a single source through, under the header of the query', async () => {
  const { queries, context, lent } = engineOf([{ 'main;work': 5 }, { main: 2 }], 2);
  const bytes = await queries.pprof(context, requestOf(whole));
  expect(lent.all).toBe(0);
  const profile = Profile.decode(bytes);
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)];
  expect(profile.stringTable.strings[0]).toBe('');
  expect(profile.sampleType.map(({ type, unit }) => [text(type), text(unit)])).toEqual([
    ['cpu', 'nanoseconds'],
  ]);
  expect([text(profile.periodType?.type ?? 0), text(profile.periodType?.unit ?? 0)]).toEqual([
    'cpu',
    'nanoseconds',
  ]);
  expect(text(profile.defaultSampleType)).toBe('cpu');
  expect(BigInt(profile.period)).toBe(1_000_000_000n);
  expect(BigInt(profile.timeNanos)).toBe(BigInt(nowMs) * 1_000_000n);
  expect(BigInt(profile.durationNanos)).toBe(3_600_000_000_000n);
  expect(sumsOf(bytes)).toEqual({ 'main;work': 5n, main: 2n });
});

test('merges the pprofs of several sources', async () => {
  const { queries, context, lent } = engineOf([{ 'main;work': 5 }, { main: 2, 'main;work': 1 }]);
  const bytes = await queries.pprof(context, requestOf(whole));
  expect(lent).toEqual({ now: 0, all: 1 });
  expect(sumsOf(bytes)).toEqual({ 'main;work': 6n, main: 2n });
  expect(readAnswer(bytes)).toMatchObject({
    sampleTypes: [['cpu', 'nanoseconds']],
    timeNs: BigInt(nowMs) * 1_000_000n,
    period: 1_000_000_000n,
    isMerged: true,
  });
});

test('cuts what is small to a frame called other, without losing any of it', async () => {
  const stacks = { 'main;a': 50, 'main;b': 30, 'main;c;d': 2, 'main;c;e': 1, tiny: 1 };
  for (const rows of [[stacks], [stacks, stacks]]) {
    const { queries, context } = engineOf(rows);
    const bytes = await queries.pprof(context, requestOf({ ...whole, maxNodes: 3 }));
    const factor = BigInt(rows.length);
    expect(sumsOf(bytes)).toEqual({
      'main;a': 50n * factor,
      'main;b': 30n * factor,
      'main;other': 3n * factor,
      other: factor,
    });
  }
});

test('takes any number of nodes: the limit is that of flame graphs', async () => {
  const { queries, context } = engineOf([{ 'main;work': 5 }]);
  const bytes = await queries.pprof(context, requestOf({ ...whole, maxNodes: 5_000_000 }));
  expect(sumsOf(bytes)).toEqual({ 'main;work': 5n });
});

test('keeps a call site, which profile-guided optimisation ignores', async () => {
  const { queries, context } = engineOf([{ 'main;work': 5, 'other;work': 3 }]);
  const request = requestOf({ samples: { callSite: ['main'] } });
  expect(sumsOf(await queries.pprof(context, request))).toEqual({ 'main;work': 5n });
  const goPgo = { keepLocations: 1, aggregateCallees: false };
  expect(sumsOf(await queries.pprof(context, { ...request, goPgo }))).toEqual({ work: 8n });
});

test('has a header alone without data', async () => {
  const { queries, context } = engineOf([]);
  const answer = readAnswer(await queries.pprof(context, requestOf(whole)));
  expect(answer).toMatchObject({ sampleTypes: [['cpu', 'nanoseconds']], sums: new Map() });
});

describe('a period', () => {
  test.each([
    ['process_cpu:cpu:nanoseconds:cpu:nanoseconds', 1_000_000_000n],
    ['memory:inuse_space:bytes:space:bytes', 524_288n],
    ['goroutine:goroutine:count::', 1n],
  ])('of %s is %d', async (profileType, period) => {
    const { queries, context } = engineOf([]);
    const bytes = await queries.pprof(context, requestOf({ ...whole, profileType }));
    expect(readAnswer(bytes)).toMatchObject({
      sampleTypes: [profileType.split(':').slice(1, 3)],
      period,
    });
  });
});

describe('a header over a pprof', () => {
  const names = { sampleType: 'a', sampleUnit: 'b', periodType: 'c', periodUnit: '' };
  const header = { ...names, period: 1n, timeNs: 2n ** 62n, durationNs: 3n };
  const profile = withHeader(new Uint8Array(0), header);

  test('takes the place of one that was there', () => {
    const other = { ...header, sampleType: 'x', timeNs: 9n };
    const expected = { sampleTypes: [['x', 'b']], defaultSampleType: 'x', timeNs: 9n, period: 1n };
    expect(readAnswer(withHeader(profile, other))).toMatchObject(expected);
  });

  test.each([1, 3, 4, profile.length - 1])('refuses one that ends at byte %d', (length) => {
    expect(() => withHeader(profile.subarray(0, length), header)).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    );
  });

  test('refuses bytes that are no pprof', () => {
    expect(() => withHeader(Uint8Array.of(0x0b, 0), header)).toThrow(/wire type 3 at byte 0/);
  });
});
