// What a seal keeps between its calls: the rows in final order, the tree, the final numbers of
// the symbols. Owns the scratch columns and gives all of them back; the live columns of
// `store.ts` are read only. One seal at a time.
import { Vec, dropVecs, reserve, vecAt } from './memory';
import { Tree, dropTree, treeAt } from './tree';

const VEC_COUNT: u32 = 16 + 17;
/** The columns lie back to back, so that dropping them is a loop. */
const STATE: usize = memory.data((16 + 17) * 12, 4);

/** Per position in final order: row number and final series id (u32 each). */
export const rowNumbers = vecAt(STATE + 12 * 0);
export const rowSeries = vecAt(STATE + 12 * 1);
/** Per position the first sample of the row among all samples (u32), and the number of all. */
export const sampleStarts = vecAt(STATE + 12 * 2);

/**
 * One record for each run of rows with one series id: id, first row, first sample, first total
 * (u32 each), times of the first and the last row (i64), the first of its totals in `finished`
 * (u32, NONE: not kept), pad. One more record, not counted, has the ends.
 */
export const series = vecAt(STATE + 12 * 3);
export const SERIES_SIZE: usize = 40;
export const SERIES_ID: usize = 0;
export const SERIES_ROW: usize = 4;
export const SERIES_SAMPLE: usize = 8;
export const SERIES_TOTAL: usize = 12;
export const SERIES_TIME_MIN: usize = 16;
export const SERIES_TIME_MAX: usize = 24;
export const SERIES_KEPT: usize = 32;

/** Per stack ordinal: its leaf node u32, and the last series that had it u32; NONE before. */
export const stackLeaves = vecAt(STATE + 12 * 4);
export const LEAF_SIZE: usize = 8;
export const LEAF_NODE: usize = 0;
export const LEAF_SERIES: usize = 4;

/** Row number = stacktrace_id: parent node u32, live location u32; NONE for neither. */
export const nodes = treeAt(memory.data(offsetof<Tree>(), 8));

/** Per live id the final one (u32, NONE: unused); per final id the live one (u32). */
export const locationIds = vecAt(STATE + 12 * 5);
export const locationOrder = vecAt(STATE + 12 * 6);
export const functionIds = vecAt(STATE + 12 * 7);
export const functionOrder = vecAt(STATE + 12 * 8);
export const mappingIds = vecAt(STATE + 12 * 9);
export const mappingOrder = vecAt(STATE + 12 * 10);

/** Two buffers of sort items: the samples of one row, or the totals of one series. */
export const items = vecAt(STATE + 12 * 11);
export const spare = vecAt(STATE + 12 * 12);
/** Per stack ordinal the sums that `seal-totals.ts` makes for one series. */
export const sums = vecAt(STATE + 12 * 13);
/** Nodes of the stack that was numbered last, root first (u32). */
export const path = vecAt(STATE + 12 * 14);
/** Totals that are made already, 16 bytes each. */
export const finished = vecAt(STATE + 12 * 15);
/** The output slots of `seal-slots.ts`. */
export const SLOTS: usize = STATE + 12 * 16;

/** `count` elements of 2^shift bytes, each byte set to `fill`; false when there is no memory. */
export function fillVec(v: Vec, count: u32, shift: u32, fill: u8): bool {
  v.length = 0;
  if (!reserve(v, count, shift)) return false;
  memory.fill(v.pointer, fill, <usize>count << shift);
  v.length = count;
  return true;
}

/** Entry of a u32 column. */
export function u32At(v: Vec, index: u32): u32 {
  return load<u32>(v.pointer + (<usize>index << 2));
}

/** Adds an entry to a u32 column that has room for it. */
@inline export function pushU32(v: Vec, value: u32): void {
  store<u32>(v.pointer + (<usize>v.length << 2), value);
  v.length++;
}

/** Gives back everything above. */
export function dropSealState(): void {
  dropVecs(STATE, VEC_COUNT);
  dropTree(nodes);
}
