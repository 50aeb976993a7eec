// The plain model of scan and append: `pprof-format` decodes, maps and arrays do the rest. Shares
// no code with the product; slow and simple on purpose.
import { Profile } from 'pprof-format';
import type { AppendPlan } from '../../src/kernel/facts.ts';
import { type DumpedRow, type DumpedSample, hex, noTrace } from '../support/kernel-dump.ts';
import type { Decoded, Integer } from './decoded.ts';
import { locationSpeller, stackDepthMax, storedText } from './normal-model.ts';

interface KeptSample {
  group: number;
  stack: string;
  values: bigint[];
  span: bigint;
  trace: string;
}

export interface Model {
  sampleTypes: { type: string; unit: string }[];
  groups: { labels: { name: string; value: string }[]; sampleCounts: number[] }[];
  samples: KeptSample[];
  sampleCount: number;
  negativeSampleCount: number;
  danglingSampleCount: number;
  truncatedStackCount: number;
  truncatedStringCount: number;
  ignoredLabels: string[];
  depthMax: number;
  sampleLabelsMax: number;
  timeNs: bigint;
  durationNs: bigint;
  period: bigint;
  defaultSampleType: string;
  dropFrames: string;
  keepFrames: string;
  comments: string[];
}

const signed = (value: Integer) => BigInt.asIntN(64, BigInt(value));

/** What a scan of a legal profile must find, and the samples that an append must take. */
export function modelOf(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => Decoded = (one) => Profile.decode(one),
): Model {
  const profile = decode(bytes);
  const strings = profile.stringTable.strings.map(storedText);
  const text = (index: Integer) => strings[Number(index)] as string;
  // What names nothing that is measured may lead nowhere.
  const textOrNone = (index: Integer) => text(index) ?? '';
  const spell = locationSpeller(profile, text);
  const groupKeys = new Map([['', 0]]);
  const groups: Model['groups'] = [{ labels: [], sampleCounts: profile.sampleType.map(() => 0) }];
  const samples: KeptSample[] = [];
  let negativeSampleCount = 0;
  let danglingSampleCount = 0;
  let truncatedStackCount = 0;
  for (const sample of profile.sample) {
    const values = sample.value.map(signed);
    if (values.some((value) => value < 0n)) negativeSampleCount++;
    else if (values.some((value) => value > 0n)) {
      const spelt = sample.locationId.map(spell);
      if (spelt.includes(undefined)) {
        danglingSampleCount++;
        continue;
      }
      if (spelt.length > stackDepthMax) truncatedStackCount++;
      const { pairs, span, trace } = splitLabels(sample, text);
      const key = pairs.map((pair) => pair.join()).join(';');
      let group = groupKeys.get(key);
      if (group === undefined) {
        group = groups.length;
        groupKeys.set(key, group);
        groups.push({ labels: labelsOf(pairs, text), sampleCounts: values.map(() => 0) });
      }
      const stack = spelt.slice(-stackDepthMax).join('\n');
      samples.push({ group, stack, values, span, trace });
      for (const [type, value] of values.entries()) {
        const counts = groups[group]?.sampleCounts as number[];
        if (value > 0n) counts[type] = (counts[type] as number) + 1;
      }
    }
  }
  return {
    sampleTypes: profile.sampleType.map((one) => ({ type: text(one.type), unit: text(one.unit) })),
    groups,
    samples,
    sampleCount: profile.sample.length,
    negativeSampleCount,
    danglingSampleCount,
    truncatedStackCount,
    truncatedStringCount: strings.filter((one, i) => one !== profile.stringTable.strings[i]).length,
    ignoredLabels: [],
    depthMax: Math.max(0, ...profile.sample.map((one) => one.locationId.length)),
    sampleLabelsMax: Math.max(
      0,
      ...profile.sample.map((one) => one.label.filter((label) => Number(label.str) !== 0).length),
    ),
    timeNs: signed(profile.timeNanos),
    durationNs: signed(profile.durationNanos),
    period: signed(profile.period),
    defaultSampleType: textOrNone(profile.defaultSampleType),
    dropFrames: textOrNone(profile.dropFrames),
    keepFrames: textOrNone(profile.keepFrames),
    comments: profile.comment.map(textOrNone),
  };
}

function splitLabels(sample: Decoded['sample'][number], text: (index: Integer) => string) {
  let span = 0n;
  let trace = noTrace;
  const byKey = new Map<number, number>();
  for (const label of sample.label) {
    const name = text(label.key);
    const value = text(label.str);
    if (Number(label.str) === 0) continue;
    if (name === 'span_id' || name === 'profile_id') {
      if (/^[0-9a-f]{16}$/i.test(value)) span = BigInt(`0x${value}`);
    } else if (name === 'trace_id') {
      if (/^[0-9a-f]{32}$/i.test(value)) trace = value.toLowerCase();
    } else if (name !== '' && value !== '' && !byKey.has(Number(label.key))) {
      byKey.set(Number(label.key), Number(label.str));
    }
  }
  return { pairs: [...byKey].sort((a, b) => a[0] - b[0]), span, trace };
}

function labelsOf(pairs: [number, number][], text: (index: Integer) => string) {
  const labels = new Map<string, string>();
  for (const [key, value] of pairs) {
    if (!labels.has(text(key))) labels.set(text(key), text(value));
  }
  return [...labels].map(([name, value]) => ({ name, value }));
}

/** The rows that an append of the model by the plan must make, in order. */
export function expectedRows(model: Model, plan: AppendPlan, noSeries: number): DumpedRow[] {
  const types = model.sampleTypes.length;
  const rows: DumpedRow[] = [];
  for (const [group, target] of plan.groupTargets.entries()) {
    if (group !== target) continue;
    const wanted = Array.from(plan.series.slice(group * types, (group + 1) * types));
    const merged = mergeSamples(model, plan, group, wanted, noSeries);
    for (const [type, series] of wanted.entries()) {
      if (series === noSeries) continue;
      const samples = merged
        .map(({ values, ...rest }): DumpedSample => ({ ...rest, value: values[type] as bigint }))
        .filter((sample) => sample.value !== 0n);
      if (samples.length === 0) continue;
      rows.push({
        series,
        timeNs: plan.timeNs,
        durationNs: model.durationNs,
        period: model.period,
        total: samples.reduce((sum, sample) => sum + sample.value, 0n),
        uuid: hex(plan.uuid),
        defaultSampleType: model.defaultSampleType,
        dropFrames: model.dropFrames,
        keepFrames: model.keepFrames,
        comments: model.comments,
        hasSpans: samples.some((one) => one.span !== 0n || one.trace !== noTrace),
        samples,
      });
    }
  }
  return rows;
}

/** Distinct (stack, span, trace) of a target group, in order of first occurrence. */
function mergeSamples(
  model: Model,
  plan: AppendPlan,
  target: number,
  wanted: number[],
  noSeries: number,
): { stack: string; span: bigint; trace: string; values: bigint[] }[] {
  const merged = new Map<
    string,
    { stack: string; span: bigint; trace: string; values: bigint[] }
  >();
  for (const { group, stack, span, trace, values } of model.samples) {
    if (plan.groupTargets[group] !== target) continue;
    if (!values.some((value, type) => value > 0n && wanted[type] !== noSeries)) continue;
    const key = `${stack}\n${span} ${trace}`;
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { stack, span, trace, values: [...values] });
    else known.values = known.values.map((value, type) => value + (values[type] as bigint));
  }
  return [...merged.values()];
}
