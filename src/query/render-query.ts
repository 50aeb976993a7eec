// A flame graph and the time series above it, as one query: profile pages show both, and they are
// to tell the same story.
import type { FlameGraph, SeriesRequest, StacktracesRequest, TimeSeries } from './contract.ts';
import { emptyFlameGraph, flameGraphOf } from './flamegraph.ts';
import type { Call } from './observe.ts';
import { ofOneMoment } from './one-moment.ts';
import { rangeNs } from './range.ts';
import { seriesRange, timeSeriesOf } from './timeseries.ts';
import { planSeries, planStacks } from './validate.ts';

/** Each part is empty when its range is older than the lookback. Throws `invalid`. */
export async function answerFlameGraphAndSeries(
  { planning, kernels, read }: Call,
  stacks: StacktracesRequest,
  series: SeriesRequest,
): Promise<{ graph: FlameGraph; series: TimeSeries[] }> {
  const plan = planStacks(stacks, planning, 'bounded');
  const seriesPlan = planSeries(series, planning);
  const ranges = [
    ...(plan ? [rangeNs(plan.range)] : []),
    ...(seriesPlan ? [seriesRange(seriesPlan, series.stepMs)] : []),
  ];
  if (ranges.length === 0) return { graph: emptyFlameGraph(), series: [] };
  return await read(async (reading) => {
    const shared = await ofOneMoment(reading, ranges);
    const graph = plan ? await flameGraphOf({ reading: shared, kernels, plan }) : emptyFlameGraph();
    return { graph, series: seriesPlan ? await timeSeriesOf(shared, seriesPlan, series) : [] };
  });
}
