// The JSON of `/pyroscope/render`, version 1 of flamebearer: ordinary JSON numbers, written with
// all their digits. Owns the metadata that follows from a profile type.
import type { ProfileType } from '../model/profile-type.ts';
import type { FlameGraph, FlameGraphDiff } from '../query/contract.ts';
import { decimals } from './flame-graph-encode.ts';
import type { Timeline } from './timeline.ts';

export interface FlamebearerParts {
  type: ProfileType;
  graph: FlameGraph | FlameGraphDiff;
  /** Null for a difference. */
  timeline: Timeline | null;
  /** By the value of the first label that was grouped by; null when none was. */
  groups: ReadonlyMap<string, Timeline> | null;
}

const objectTypes = new Set(['inuse_objects', 'alloc_objects', 'goroutine', 'samples']);
const cpuRate = 1_000_000_000;
const otherRate = 100;

/** The document; its levels stand as they come, 4 or 7 numbers a node. */
export function flamebearerJson({ type, graph, timeline, groups }: FlamebearerParts): string {
  const isDiff = 'leftTicks' in graph;
  const levels = graph.levels.map((level) => `[${decimals(level).join(',')}]`);
  const metadata = {
    format: isDiff ? 'double' : 'single',
    spyName: '',
    sampleRate: type.sampleType === 'cpu' ? cpuRate : otherRate,
    units: unitsOf(type),
    name: type.sampleType,
  };
  const fields = [
    '"version":1',
    `"flamebearer":{"names":${JSON.stringify(graph.names)},"levels":[${levels.join(',')}],` +
      `"numTicks":${graph.total},"maxSelf":${graph.maxSelf}}`,
    `"metadata":${JSON.stringify(metadata)}`,
    `"timeline":${JSON.stringify(timeline)}`,
    `"groups":${JSON.stringify(groups === null ? null : Object.fromEntries(groups))}`,
    '"heatmap":null',
  ];
  if (isDiff && graph.leftTicks !== 0n) fields.push(`"leftTicks":${graph.leftTicks}`);
  if (isDiff && graph.rightTicks !== 0n) fields.push(`"rightTicks":${graph.rightTicks}`);
  return `{${fields.join(',')}}`;
}

function unitsOf({ sampleType, sampleUnit }: ProfileType): string {
  if (sampleType === 'cpu') return 'samples';
  return objectTypes.has(sampleType) ? 'objects' : sampleUnit;
}
