// The border of the query module: numbers in, numbers out, statuses as in `status.ts`. It has no
// state of its own: everything lives in blocks of the head module's allocator, behind handles.

// ---- sums by stack
export { sumsBegin, sumsInput, sumsIsEmpty, sumsRelease } from './sums';
export { callSite } from './call-site';
export { filterIds, filterMask, filterNone, filterTimes } from './sums-filter';
export { sumsAddRows, sumsRowTotals } from './sums-rows';
export { sumsAddBatch, sumsBatchTotals, sumsSetNodes, sumsStartTotals } from './sums-batch';

// ---- answers
export { functionsStep } from './functions';
export { pprofBegin, pprofStep } from './pprof';

// ---- symbols of a block
export { loadCheck, loadColumn } from './load';

// ---- merged function trees
export { treesAnswer, treesBegin, treesRelease } from './trees';
export { treesAdd, treesPart } from './trees-add';
export { treesStep, treesStepPart } from './trees-order';
export { treesDiff, treesFlame } from './trees-levels';
export { treesBytes } from './trees-bytes';
export { treesCalls } from './trees-calls';
