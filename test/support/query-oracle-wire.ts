// How answers of the wire are written down so that they can be held against the model's. Owns the
// shapes of messages and of flamebearer JSON; knows no rule of the answers.
import { Code, ConnectError } from '@connectrpc/connect';
import { Profile } from 'pprof-format';
import type { FlameGraph, FlameGraphDiff } from '../../src/gen/querier/v1/querier_pb.ts';
import type { Series, Labels as WireLabels } from '../../src/gen/types/v1/types_pb.ts';
import { spellStack } from './query-model.ts';
import type { ModelFrame } from './query-model-rows.ts';

export const tooLarge = { refused: 'a sum past 2^63-1' };

/** What `ask` resolves to; `tooLarge` when it is refused because of a sum. */
export async function answerOf<T>(ask: () => Promise<T>): Promise<T | typeof tooLarge> {
  try {
    return await ask();
  } catch (error) {
    const isRefusal = error instanceof ConnectError && error.code === Code.InvalidArgument;
    if (isRefusal && error.message.includes('9223372036854775807')) return tooLarge;
    throw error;
  }
}

export function graphOf(graph: FlameGraph | undefined) {
  if (graph === undefined) throw new Error('the answer has no flame graph');
  const levels = graph.levels.map(({ values }) => values);
  return { names: graph.names, levels, total: graph.total, maxSelf: graph.maxSelf };
}

export function diffOf(graph: FlameGraphDiff | undefined) {
  if (graph === undefined) throw new Error('the answer has no difference');
  const { leftTicks, rightTicks, names, total, maxSelf } = graph;
  const levels = graph.levels.map(({ values }) => values);
  return { names, levels, total, maxSelf, leftTicks, rightTicks };
}

export function seriesOf(series: readonly Series[]) {
  return series.map(({ labels, points }) => ({
    labels: labels.map(({ name, value }) => [name, value]),
    points: points.map(({ timestamp, value }) => ({ timestampMs: Number(timestamp), value })),
  }));
}

export const setsOf = (sets: readonly WireLabels[]): [string, string][][] =>
  sets.map(({ labels }) => labels.map(({ name, value }) => [name, value]));

/** Numbers of more than 15 digits, quoted: JSON would round them. */
export function exactJson(text: string): unknown {
  return JSON.parse(text.replaceAll(/(?<=[[,:])(\d{16,})(?=[,\]}])/g, '"$1"'));
}

/** What another decoder makes of a pprof: values by `spellStack`, and what it says of itself. */
export function pprofOf(bytes: Uint8Array) {
  const profile = Profile.decode(bytes);
  const { strings } = profile.stringTable;
  const text = (index: number | bigint) => found(strings[Number(index)], `string ${index}`);
  const functions = new Map(profile.function.map((one) => [String(one.id), one]));
  const mappings = new Map(profile.mapping.map((one) => [String(one.id), text(one.filename)]));
  const locations = new Map<string, ModelFrame[]>();
  for (const { id, mappingId, address, line } of profile.location) {
    const frames = line.toReversed().map((one): ModelFrame => {
      const { name, filename } = found(functions.get(String(one.functionId)), 'function');
      const number = BigInt.asIntN(64, BigInt(one.line));
      return { name: text(name), file: text(filename), line: number };
    });
    const binary = (mappings.get(String(mappingId)) ?? '').split('/').at(-1) || 'unknown';
    const name = `${binary}!0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;
    locations.set(String(id), frames.length > 0 ? frames : [{ name, file: '', line: 0n }]);
  }
  const sums = new Map<string, bigint>();
  let total = 0n;
  for (const { locationId, value } of profile.sample) {
    const frames = locationId
      .toReversed()
      .flatMap((id) => found(locations.get(String(id)), 'place'));
    const key = spellStack(frames);
    const sum = BigInt.asIntN(64, BigInt(found(value[0], 'value')));
    sums.set(key, (sums.get(key) ?? 0n) + sum);
    total += sum;
  }
  return {
    sampleTypes: profile.sampleType.map(({ type, unit }) => [text(type), text(unit)]),
    defaultSampleType: text(profile.defaultSampleType),
    timeNs: BigInt(profile.timeNanos),
    durationNs: BigInt(profile.durationNanos),
    sums,
    total,
  };
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the pprof has no ${what}`);
  return value;
}
