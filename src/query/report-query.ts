// The report as a query: plans its sides, reads them as pprofs, because only these know files and
// lines, and hands the sums to the writer.
import { Failure } from '../errors.ts';
import type { ReportRequest, StacktracesRequest } from './contract.ts';
import { type HotSpots, hotSpotsOf } from './hot-spots.ts';
import type { Call } from './observe.ts';
import { ofOneMoment } from './one-moment.ts';
import { mergePprofs } from './pprof.ts';
import { headerOf } from './pprof-header.ts';
import { readPprof } from './pprof-read.ts';
import { rangeNs } from './range.ts';
import { type ReportSide, reportText, validateBudget } from './report.ts';
import type { Reading } from './sources.ts';
import type { Kernels } from './stacks.ts';
import { planStacks, type StacksPlan } from './validate.ts';

/** Markdown within the budget. Throws `invalid`, also when the baseline is of another type. */
export async function answerReport(
  { planning, kernels, read }: Call,
  request: ReportRequest,
): Promise<string> {
  const plan = planStacks(request, planning, 'any');
  const basePlan = request.baseline && planStacks(request.baseline, planning, 'any');
  validateBudget(request.budget);
  if (plan && basePlan && plan.profileType.id !== basePlan.profileType.id) {
    const types = `${plan.profileType.id} and ${basePlan.profileType.id}`;
    throw new Failure('invalid', `report and baseline are of two profile types: ${types}`);
  }
  const ranges = [plan, basePlan].flatMap((side) => (side ? [rangeNs(side.range)] : []));
  return await read(async (reading) => {
    const shared = ranges.length > 0 ? await ofOneMoment(reading, ranges) : reading;
    const side = async (of: StacktracesRequest, from: StacksPlan | undefined) =>
      sideOf(of, from, from && (await spotsOf(shared, kernels, from)));
    const main = await side(request, plan);
    const baseline = request.baseline && (await side(request.baseline, basePlan));
    const profileType = plan?.profileType.id ?? request.profileType;
    const unit = plan?.profileType.sampleUnit ?? '';
    const { budget } = request;
    return reportText({ ...main, profileType, unit, budget, ...(baseline ? { baseline } : {}) });
  });
}

function sideOf(
  request: StacktracesRequest,
  plan: StacksPlan | undefined,
  spots: HotSpots | undefined,
): ReportSide {
  const empty: HotSpots = { total: 0n, pathCount: 0, functions: [], paths: [] };
  const range = plan?.range ?? request.range;
  return { selector: request.selector, range, spots: spots ?? empty };
}

async function spotsOf(reading: Reading, kernels: Kernels, plan: StacksPlan): Promise<HotSpots> {
  const profile = await mergePprofs(reading, kernels, plan, headerOf(plan), {});
  return await hotSpotsOf(await readPprof(profile, reading.meter), reading.meter);
}
