// Asks the query engine what the query model is asked, in the engine's words, and gives the answers
// in the model's shapes, so that a test can hold one against the other. Owns the translation.
import type {
  CallTree,
  FlameGraph,
  LabelRequest,
  SeriesRequest,
  StacktracesRequest,
  TimeSeries,
} from '../../src/query/contract.ts';
import {
  type ModelLabelSelect,
  type ModelSelect,
  type ModelSeriesSelect,
  selectorText,
  spellStack,
} from './query-model.ts';
import type { ModelFrame } from './query-model-rows.ts';
import type { ModelNode } from './query-model-tree.ts';
import { decodeWire } from './wire-pprof.ts';

export function stacktracesRequest(
  select: ModelSelect,
  maxNodes: number | undefined,
): StacktracesRequest {
  const { profileType, matchers, range, callSite, profileIds, spanIds, traceIds } = select;
  return {
    profileType,
    selector: selectorText(matchers),
    range,
    maxNodes,
    samples: {
      ...(callSite ? { callSite } : {}),
      ...(profileIds ? { profileIds } : {}),
      ...(spanIds ? { spanIds } : {}),
      ...(traceIds ? { traceIds } : {}),
    },
  };
}

export function seriesRequest(select: ModelSeriesSelect): SeriesRequest {
  const { profileType, matchers, range, stepMs, groupBy, aggregation, limit, callSite } = select;
  const selector = selectorText(matchers);
  const request = { profileType, selector, range, stepMs, groupBy, aggregation, limit };
  return callSite ? { ...request, callSite } : request;
}

export function labelRequest({ selectors, any, range }: ModelLabelSelect): LabelRequest {
  return { matchers: selectors.map(selectorText), any, range };
}

/** Levels as plain lists; a diff keeps its ticks. */
export function plainGraph<T extends FlameGraph>(graph: T) {
  return { ...graph, levels: graph.levels.map((level) => [...level]) };
}

export function plainSeries(series: readonly TimeSeries[]) {
  return series.map(({ labels, points }) => ({
    labels: labels.map(({ name, value }) => [name, value]),
    points,
  }));
}

/** The columns of a call tree as nodes. */
export function nodesOfCallTree({ parents, names, self, total }: CallTree): ModelNode {
  const nodes = names.map((name, i): ModelNode => {
    return { name, self: [self[i] ?? 0n], total: [total[i] ?? 0n], children: [] };
  });
  for (const [i, node] of nodes.entries())
    if (i > 0) nodes[parents[i] as number]?.children.push(node);
  return nodes[0] as ModelNode;
}

/** What a pprof says of itself, and its values by `spellStack`. */
export function readAnswer(bytes: Uint8Array) {
  const profile = decodeWire(bytes);
  const text = (index: bigint) => profile.stringTable.strings[Number(index)] ?? '';
  const functions = new Map(profile.function.map((one) => [one.id, one]));
  const files = new Map(profile.mapping.map(({ id, filename }) => [id, text(filename)]));
  const locations = new Map(
    profile.location.map(({ id, mappingId, address, line }) => {
      const frames = line.toReversed().map((one): ModelFrame => {
        const fn = functions.get(one.functionId);
        if (fn === undefined) throw new Error(`the answer has no function ${one.functionId}`);
        return { name: text(fn.name), file: text(fn.filename), line: BigInt.asIntN(64, one.line) };
      });
      const binary = (files.get(mappingId) ?? '').split('/').at(-1) || 'unknown';
      const bare = { name: `${binary}!0x${address.toString(16)}`, file: '', line: 0n };
      return [id, frames.length > 0 ? frames : [bare]] as const;
    }),
  );
  const sums = new Map<string, bigint>();
  const ids = new Set<string>();
  for (const { locationId, value } of profile.sample) {
    const frames = locationId.toReversed().flatMap((id) => {
      const found = locations.get(id);
      if (found === undefined) throw new Error(`the answer has no location ${id}`);
      return found;
    });
    ids.add(locationId.join());
    sums.set(spellStack(frames), (sums.get(spellStack(frames)) ?? 0n) + (value[0] ?? 0n));
  }
  return {
    sampleTypes: profile.sampleType.map(({ type, unit }) => [text(type), text(unit)]),
    defaultSampleType: text(profile.defaultSampleType),
    timeNs: profile.timeNanos,
    durationNs: profile.durationNanos,
    period: profile.period,
    sums,
    /** True when no two samples are of the same locations. */
    isMerged: ids.size === profile.sample.length,
  };
}
