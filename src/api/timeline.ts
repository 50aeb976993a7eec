// The bars above a rendered flame graph. Owns their width, which is Grafana's choice of intervals,
// and how the points of a time series become bars.
import { labelValue } from '../model/labels.ts';
import type { MsRange, TimeSeries } from '../query/contract.ts';

/** As flamebearer has it, `watermarks` included. */
export interface Timeline {
  /** Seconds since the epoch. */
  startTime: number;
  samples: number[];
  /** Seconds of one sample. */
  durationDelta: number;
  watermarks: null;
}

const barsMax = 1_500;
const stepMsMin = 15_000;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;

/** Intervals up to the first number are shown as the second. */
const steps: readonly [upToMs: number, stepMs: number][] = [
  [17.5 * second, 15 * second],
  [25 * second, 20 * second],
  [45 * second, 30 * second],
  [1.5 * minute, minute],
  [3.5 * minute, 2 * minute],
  [7.5 * minute, 5 * minute],
  [12.5 * minute, 10 * minute],
  [17.5 * minute, 15 * minute],
  [25 * minute, 20 * minute],
  [45 * minute, 30 * minute],
  [1.5 * hour, hour],
  [2.5 * hour, 2 * hour],
  [4.5 * hour, 3 * hour],
  [9 * hour, 6 * hour],
  [day, 12 * hour],
  [week, day],
  [3 * week, week],
];
const longStep: [underMs: number, stepMs: number] = [6 * week, 30 * day];
const longestStepMs = 365 * day;

/** The width of a bar for the range. */
export function timelineStepMs({ startMs, endMs }: MsRange): number {
  const wantedMs = Math.max(stepMsMin, (endMs - startMs) / barsMax);
  const found = steps.find(([upToMs]) => wantedMs <= upToMs);
  if (found !== undefined) return found[1];
  return wantedMs < longStep[0] ? longStep[1] : longestStepMs;
}

/** Both ends moved back to a multiple of the step: where bars begin. */
export function timelineRange({ startMs, endMs }: MsRange, stepMs: number): MsRange {
  const floor = (ms: number) => Math.floor(ms / stepMs) * stepMs;
  return { startMs: floor(startMs), endMs: floor(endMs) };
}

/** Bars of the sum of `series`, zero where there is no point. `range` is on the grid. */
export function timelineOf(
  series: readonly TimeSeries[],
  range: MsRange,
  stepMs: number,
): Timeline {
  const samples = new Array<number>(Math.round((range.endMs - range.startMs) / stepMs)).fill(0);
  for (const { points } of series) {
    for (const { timestampMs, value } of points) {
      const i = Math.floor((timestampMs - range.startMs) / stepMs);
      if (i >= 0 && i < samples.length) samples[i] = (samples[i] ?? 0) + Math.trunc(value);
    }
  }
  const startTime = range.startMs / second;
  return { startTime, samples, durationDelta: stepMs / second, watermarks: null };
}

/** One timeline for each value of the label; series without it are filed under `*`. */
export function groupTimelines(
  series: readonly TimeSeries[],
  label: string,
  range: MsRange,
  stepMs: number,
): Map<string, Timeline> {
  const groups = new Map<string, TimeSeries[]>();
  for (const one of series) {
    const key = labelValue(one.labels, label) || '*';
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return new Map([...groups].map(([key, list]) => [key, timelineOf(list, range, stepMs)]));
}
