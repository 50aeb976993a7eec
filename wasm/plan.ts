// What an append is asked for: the target of each label group and the series of each cell. Owns the
// area that the host fills, and adding up what it asks.
import { NONE, PLAN_TARGETS } from './layout';
import { ensure } from './memory';
import { sampleTypeCount } from './pprof';
import { groupCounts, groupExtents, groupTotals, hostSpace } from './scratch';
import { OUT_OF_MEMORY, fail } from './status';
import { addSaturating } from './store';

/** Sum of the values, entries before merging, and most rows that the plan asks for. */
export let planTotal: u64 = 0;
export let planEntries: u32 = 0;
export let planRows: u32 = 0;

/** Room for a plan of the last scan; its address, or a status. */
export function planReserve(): i32 {
  const groups = <u64>groupExtents.length;
  const bytes = <u64>PLAN_TARGETS + ((groups + groups * sampleTypeCount) << 2);
  return ensure(hostSpace, bytes) ? <i32>hostSpace.pointer : fail(OUT_OF_MEMORY);
}

/** The group whose rows a group's samples go to. */
@inline export function targetOf(group: u32): u32 {
  return load<u32>(hostSpace.pointer + PLAN_TARGETS + (<usize>group << 2));
}

/** The series of a target group and sample type; NONE: no row. */
@inline export function seriesOf(group: u32, type: u32): u32 {
  const at = groupExtents.length + group * sampleTypeCount + type;
  return load<u32>(hostSpace.pointer + PLAN_TARGETS + (<usize>at << 2));
}

/** Adds up what the plan asks for. */
export function weighPlan(): void {
  planTotal = 0;
  planEntries = 0;
  planRows = 0;
  const types = sampleTypeCount;
  for (let group: u32 = 0; group < groupExtents.length; group++) {
    const target = targetOf(group);
    for (let type: u32 = 0; type < types; type++) {
      if (seriesOf(target, type) == NONE) continue;
      const at = <usize>(group * types + type);
      planTotal = addSaturating(planTotal, load<u64>(groupTotals.pointer + (at << 3)));
      planEntries += load<u32>(groupCounts.pointer + (at << 2));
      if (target == group) planRows++;
    }
  }
}
