// The border of the query module: numbers in, numbers out, statuses as in `status.ts`. It has no
// state of its own: everything lives in blocks of the head module's allocator, behind handles.

// ---- merge
export { mergeAdd, mergeBegin, mergeRelease, mergeRows } from './merge';
export { treeStep } from './merge-functions';

// ---- merged function trees
export { treesAnswer, treesBegin, treesRelease } from './trees';
export { treesAdd, treesPart } from './trees-add';
export { treesStep, treesStepPart } from './trees-order';
export { treesDiff, treesFlame } from './trees-levels';
export { treesBytes } from './trees-bytes';
export { treesCalls } from './trees-calls';
