// A block answers what a plain loop over the pushed profiles answers: stacks by every filter,
// points, label sets; and the same from `totals` and from `samples`.
import { Profile } from 'pprof-format';
import { describe, expect, it } from 'vitest';
import { BlockReader, column, i64Column } from '../../../src/block/block-reader.ts';
import { blockPrefix } from '../../../src/block/files.ts';
import type { PointQuery, SampleFilter, StackPart } from '../../../src/model/source.ts';
import { testMeter } from '../../support/block-folder.ts';
import { stacksOfPprof, stacksOfTree } from '../../support/function-tree.ts';
import { everything, pushedBlock } from '../../support/pushed-block.ts';
import { PushedModel, type PushedType, pushedTypes } from '../../support/pushed-model.ts';

const model = new PushedModel(11);
const { meta, source, bucket, parts } = await pushedBlock(model);
const { startNs, endNs } = source.range;

function treeOf(part: StackPart | undefined): Map<string, bigint> {
  if (part === undefined) return new Map();
  if (part.shape !== 'functions') throw new Error(`answered ${part.shape}`);
  return stacksOfTree(part.tree);
}

async function stacks(type: PushedType, selector?: string, change = {}) {
  return treeOf(await source.stacks(everything(meta, type, selector, change), testMeter()));
}

const all = () => true;

describe('stacks', () => {
  it.each(['samples', 'cpu'] as const)('of %s are those that were pushed', async (type) => {
    expect(await stacks(type)).toEqual(model.stacks(type, all));
  });

  it.each([
    ['{service_name="service-1"}', (service: string) => service === 'service-1'],
    ['{service_name!="service-1"}', (service: string) => service !== 'service-1'],
    [
      '{service_name=~"service-[02]", __type__="cpu"}',
      (service: string) => service !== 'service-1',
    ],
    ['{pod="pod-1"}', (_: string, pod: string) => pod === 'pod-1'],
    ['{pod!~"pod-1", __name__="cpu"}', (_: string, pod: string) => pod === 'pod-0'],
    [
      '{service_name!~"service-0", pod="pod-0"}',
      (s: string, p: string) => s !== 'service-0' && p === 'pod-0',
    ],
    ['{zone=""}', all],
    ['{zone!=""}', () => false],
    ['{__unit__="bytes"}', () => false],
  ])('of %s are of the series it selects', async (selector, isWanted) => {
    const expected = model.stacks('cpu', ({ service, pod }) => isWanted(service, pod));
    expect(await stacks('cpu', selector)).toEqual(expected);
  });

  it('of a part of the time are of the profiles in it, to the nanosecond', async () => {
    const times = model.profiles.map((profile) => profile.timeNs).sort();
    const cases = [
      [times[3]!, times[9]!],
      [times[3]! + 1n, times[9]! - 1n],
      [startNs, times.at(-1)! - 1n],
      [times[0]!, times[0]!],
      [times.at(-1)! + 1n, endNs + 5n],
    ];
    for (const [from, to] of cases as [bigint, bigint][]) {
      const expected = model.stacks('cpu', ({ timeNs }) => timeNs >= from && timeNs <= to);
      expect(await stacks('cpu', '{}', { startNs: from, endNs: to })).toEqual(expected);
    }
  });

  it('as pprof are the same stacks with all their symbols', async () => {
    for (const [type, change] of [
      ['cpu', {}],
      ['samples', { startNs: startNs + 10_000_000_000n }],
    ] as const) {
      const query = everything(meta, type, '{}', { ...change, shape: 'pprof' });
      const part = await source.stacks(query, testMeter());
      if (part?.shape !== 'pprof') throw new Error(`answered ${part?.shape}`);
      const isIn = ({ timeNs }: { timeNs: bigint }) => timeNs >= query.startNs;
      expect(stacksOfPprof(part.profile)).toEqual(model.stacks(type, isIn));
      const profile = Profile.decode(part.profile);
      const text = (index: number | bigint) => profile.stringTable.strings[Number(index)];
      expect(profile.sampleType.map((one) => text(one.type))).toEqual([type]);
      expect(profile.mapping.map((one) => text(one.filename)).sort()).toEqual([
        '/usr/bin/app1',
        '/usr/bin/app2',
      ]);
      const lines = profile.location.flatMap((one) => one.line);
      const numberOf = (id: number | bigint) =>
        /fn(\d+)/.exec(text(profile.function.find((one) => one.id === id)?.name ?? 0) ?? '')?.[1];
      expect(lines.length).toBeGreaterThan(20);
      for (const one of lines) expect(Number(one.line)).toBe(Number(numberOf(one.functionId)) * 3);
    }
  });

  it('outside its time are none', async () => {
    const change = { startNs: endNs + 1n, endNs: endNs + 10n };
    expect(await source.stacks(everything(meta, 'cpu', '{}', change), testMeter())).toBe(undefined);
  });

  it('under a call site are those that begin with it', async () => {
    const names = [...model.stacks('cpu', all).keys()].filter((key) => key.includes(';'));
    for (const depth of [1, 2, 3]) {
      const callSite = names[5]!.split(';').slice(0, depth);
      const begins = (_: unknown, frames: string[]) =>
        callSite.every((one, i) => frames[i] === one);
      const expected = model.stacks('cpu', all, begins);
      expect(await stacks('cpu', '{}', { filter: { callSite } })).toEqual(expected);
      const range = { startNs: startNs + 10_000_000_000n };
      const part = await stacks('cpu', '{}', { filter: { callSite }, ...range });
      expect(part).toEqual(model.stacks('cpu', (one) => one.timeNs >= range.startNs, begins));
    }
    expect(await stacks('cpu', '{}', { filter: { callSite: ['nobody'] } })).toEqual(new Map());
  });

  it('of spans and traces are those of their samples', async () => {
    const spanIds = [0xf000_0000_0000_0001n, 0xf000_0000_0000_0003n, 7n];
    const bySpan = model.stacks('cpu', all, (one) => spanIds.includes(one.spanId ?? 0n));
    expect(bySpan.size).toBeGreaterThan(3);
    expect(await stacks('cpu', '{}', { filter: { spanIds } })).toEqual(bySpan);
    const hex = `${'ab'.repeat(15)}02`;
    const traceIds = [Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16))];
    const byTrace = model.stacks('cpu', all, (one) => one.traceId === hex);
    expect(byTrace.size).toBeGreaterThan(3);
    expect(await stacks('cpu', '{}', { filter: { traceIds } })).toEqual(byTrace);
    const both = model.stacks(
      'cpu',
      ({ pod }) => pod === 'pod-1',
      (one) => one.traceId === hex && spanIds.includes(one.spanId ?? 0n),
    );
    const filter = { traceIds, spanIds };
    expect(await stacks('cpu', '{pod="pod-1"}', { filter })).toEqual(both);
  });

  it('of profiles are those of their ids', async () => {
    const reader = new BlockReader(
      parts,
      { bucket, prefix: blockPrefix(meta.ulid), ulid: meta.ulid },
      meta,
    );
    const open = await reader.open('profiles', testMeter());
    const byTime = new Map<bigint, Uint8Array>();
    for await (const batch of reader.read(open, { columns: ['time_ns', 'uuid'] }, testMeter())) {
      const { bytes } = column(batch, 'uuid', 'bytes16');
      for (const [i, time] of i64Column(batch, 'time_ns').entries()) {
        byTime.set(time, bytes.slice(i * 16, i * 16 + 16));
      }
    }
    const wanted = model.profiles.filter((_, i) => i % 5 === 1);
    const profileIds = [...wanted.map((one) => byTime.get(one.timeNs)!), new Uint8Array(16)];
    const expected = model.stacks('cpu', (one) => wanted.includes(one));
    expect(await stacks('cpu', '{}', { filter: { profileIds } })).toEqual(expected);
    const unknown: SampleFilter = { profileIds: [new Uint8Array(16)] };
    const query = everything(meta, 'cpu', '{}', { filter: unknown });
    expect(await source.stacks(query, testMeter())).toBe(undefined);
  });

  it('of an empty list of ids are none', async () => {
    for (const filter of [{ profileIds: [] }, { spanIds: [] }, { traceIds: [] }]) {
      const query = everything(meta, 'cpu', '{}', { filter });
      expect(await source.stacks(query, testMeter())).toBe(undefined);
    }
  });
});

describe('points', () => {
  const stepNs = 10_000_000_000n;
  const gridOf = (from: bigint, slots: number) => ({ startNs: from, stepNs, slots });

  /** `{labels}` → slot → sum and count, by a plain loop. */
  function expectedPoints(
    { grid, callSite = [] }: Pick<PointQuery, 'grid' | 'callSite'>,
    groupOf: (service: string, pod: string) => string | undefined,
  ) {
    const groups = new Map<string, Map<number, [bigint, number]>>();
    for (const profile of model.profiles) {
      const group = groupOf(profile.service, profile.pod);
      if (group === undefined) continue;
      for (let slot = 0; slot < grid.slots; slot++) {
        const right = grid.startNs + BigInt(slot) * grid.stepNs;
        const left = right - grid.stepNs;
        const { timeNs } = profile;
        if (timeNs > right || timeNs < left || (timeNs === left && slot > 0)) continue;
        const slots = groups.get(group) ?? new Map();
        groups.set(group, slots);
        const [sum, count] = slots.get(slot) ?? [0n, 0];
        const begins = (frames: string[]) => callSite.every((one, i) => frames[i] === one);
        slots.set(slot, [sum + model.total('cpu', profile, begins), count + 1]);
      }
    }
    return groups;
  }

  async function points(
    selector: string,
    groupBy: string[],
    parts: Pick<PointQuery, 'grid' | 'callSite'>,
  ) {
    const { profileType, selector: matchers } = everything(meta, 'cpu', selector);
    const query = { selector: matchers, profileType, groupBy, ...parts };
    const found = await source.points(query, testMeter());
    return new Map(
      found.map(({ labels, slots, sums, counts }) => [
        labels.map(({ value }) => value).join(),
        new Map([...slots].map((slot, i) => [slot, [sums[i], counts[i]]])),
      ]),
    );
  }

  const first = model.profiles[0]!.timeNs;

  it('are the sums of the profiles in each slot', async () => {
    for (const from of [first, first - 3n, first + stepNs, first + 1n]) {
      const parts = { grid: gridOf(from, 5) };
      expect(await points('{}', [], parts)).toEqual(expectedPoints(parts, () => ''));
    }
  });

  it('are told apart by the labels asked for, of the series selected', async () => {
    const parts = { grid: gridOf(first, 8) };
    expect(await points('{}', ['service_name'], parts)).toEqual(expectedPoints(parts, (s) => s));
    expect(await points('{}', ['pod'], parts)).toEqual(expectedPoints(parts, (_, p) => p));
    const only = await points('{pod="pod-1"}', ['pod', 'service_name'], parts);
    const expected = expectedPoints(parts, (s, p) => (p === 'pod-1' ? `${p},${s}` : undefined));
    expect(only).toEqual(expected);
    expect(await points('{pod="none"}', ['pod'], parts)).toEqual(new Map());
  });

  it('under a call site are of its stacks, and count all profiles', async () => {
    const name = [...model.stacks('cpu', all).keys()].find((key) => key.includes(';'))!;
    const parts = { grid: gridOf(first, 8), callSite: name.split(';').slice(0, 1) };
    expect(await points('{}', ['pod'], parts)).toEqual(expectedPoints(parts, (_, p) => p));
    const some = await points('{service_name="service-2"}', [], parts);
    expect(some).toEqual(expectedPoints(parts, (s) => (s === 'service-2' ? '' : undefined)));
  });

  it('of a grid without slots are none', async () => {
    expect(await points('{}', [], { grid: gridOf(first, 0) })).toEqual(new Map());
  });
});

describe('series', () => {
  const range = { startNs, endNs };
  const sets = async (selector: string, names: string[] | undefined, change = {}) => {
    const { selector: matchers } = everything(meta, 'cpu', selector);
    const query = { selector: matchers.slice(0, -1), names, ...range, ...change };
    const found = await source.series(query, testMeter());
    return found.map((labels) => labels.map(({ name, value }) => `${name}=${value}`).join()).sort();
  };
  const told = (service: string, type: PushedType) => {
    const [, sampleType, unit] = pushedTypes[type].split(':');
    const parts = ['__name__=cpu', '__period_type__=cpu', '__period_unit__=nanoseconds'];
    const id = `__profile_type__=${pushedTypes[type]}`;
    return [...parts, id, `__type__=${sampleType}`, `__unit__=${unit}`, `service_name=${service}`];
  };
  const withPod = (service: string, pod: string, type: PushedType) =>
    told(service, type).toSpliced(6, 0, `pod=${pod}`).join();

  it('are answered without a file when services and types are all that is asked', async () => {
    bucket.forget();
    const services = ['service-0', 'service-1', 'service-2'];
    const both = services.flatMap((one) => [told(one, 'cpu').join(), told(one, 'samples').join()]);
    expect(await sets('{}', ['service_name', '__profile_type__'])).toEqual(both.sort());
    const some = await sets('{service_name!~".*1", __unit__="count"}', ['__type__']);
    expect(some).toEqual([
      told('service-0', 'samples').join(),
      told('service-2', 'samples').join(),
    ]);
    expect(await sets('{}', [], { startNs: endNs + 1n, endNs: endNs + 2n })).toEqual([]);
    expect(bucket.reads).toEqual([]);
  });

  it('are read from the block when other labels are asked for or matched', async () => {
    const all = [0, 1, 2].flatMap((service) =>
      [0, 1].flatMap((pod) =>
        (['cpu', 'samples'] as const).map((type) =>
          withPod(`service-${service}`, `pod-${pod}`, type),
        ),
      ),
    );
    expect(await sets('{}', undefined)).toEqual(all.sort());
    expect(await sets('{pod="pod-1"}', ['service_name'])).toEqual(
      all.filter((one) => one.includes('pod=pod-1')),
    );
    expect(await sets('{pod="pod-9"}', undefined)).toEqual([]);
  });
});
