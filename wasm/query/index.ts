// The border of the query module: numbers in, numbers out, statuses as in `status.ts`. It has no
// state of its own: everything lives in blocks of the head module's allocator, behind handles.

// ---- merge
export { mergeAdd, mergeBegin, mergeRelease, mergeRows } from './merge';
export { treeStep } from './merge-functions';
