// Which bytes of a table a read needs: plain data made from its footer before anything is fetched.
// Owns the choice of row groups and the joining of near chunks into one range. Pages are not picked
// by index: a row group is about 160 KB of samples, less than a request for its index is worth.
import { type ColumnChunk, chunksOf, type RowGroup, type TableFooter } from './footers.ts';

/** Rows `from … from+count-1` of a table, as in `meta.json`. */
export type RowRange = readonly [from: number, count: number];

export interface ByteSpan {
  offset: number;
  length: number;
}

/** One row group to decode, when the ranges up to and including `lastRange` are there. */
export interface PlannedGroup {
  group: RowGroup;
  /** Wanted rows, counted from the group's first; ascending, apart. */
  rows: readonly RowRange[];
  chunks: readonly { chunk: ColumnChunk; range: number }[];
  firstRange: number;
  lastRange: number;
}

export interface ReadPlan {
  columns: readonly string[];
  /** Ascending, none over another. */
  ranges: readonly ByteSpan[];
  groups: readonly PlannedGroup[];
  /** Bytes of the wanted chunks alone. */
  neededBytes: number;
}

/**
 * Bytes between two chunks that are fetched with them rather than asking twice: about what arrives
 * in the time of one more request to an object store.
 */
export const gapBytesMax = 256 * 1024;
/** A joined range is not longer: decoding starts before all is there, and memory is bounded. */
export const rangeBytesMax = 8 * 1024 * 1024;

/**
 * The read of `columns` of the rows in `rows`, ascending and apart; row groups without any of them,
 * or for which `isWanted` is false, are left out.
 */
export function planRead(
  footer: TableFooter,
  columns: readonly string[],
  rows: readonly RowRange[],
  isWanted: (group: RowGroup) => boolean = () => true,
): ReadPlan {
  const ranges: ByteSpan[] = [];
  const groups: PlannedGroup[] = [];
  let neededBytes = 0;
  for (const group of footer.rowGroups) {
    const wantedRows = rowsInGroup(group, rows);
    if (wantedRows.length === 0 || !isWanted(group)) continue;
    const chunks = chunksOf(group, columns).map((chunk) => {
      neededBytes += chunk.bytes;
      return { chunk, range: addChunk(ranges, chunk) };
    });
    const numbers = chunks.map((one) => one.range);
    const firstRange = Math.min(...numbers);
    const lastRange = Math.max(...numbers);
    groups.push({ group, rows: wantedRows, chunks, firstRange, lastRange });
  }
  return { columns, ranges, groups, neededBytes };
}

/** Puts the chunk into the last range, or into a new one; answers the range's number. */
function addChunk(ranges: ByteSpan[], chunk: ColumnChunk): number {
  const last = ranges.at(-1);
  if (last !== undefined) {
    const end = last.offset + last.length;
    const length = chunk.offset + chunk.bytes - last.offset;
    const gap = chunk.offset - end;
    if (gap >= 0 && gap <= gapBytesMax && length <= rangeBytesMax) {
      last.length = length;
      return ranges.length - 1;
    }
  }
  return ranges.push({ offset: chunk.offset, length: chunk.bytes }) - 1;
}

function rowsInGroup(group: RowGroup, rows: readonly RowRange[]): RowRange[] {
  const end = group.firstRow + group.rows;
  const found: RowRange[] = [];
  for (const [from, count] of rows) {
    const first = Math.max(from, group.firstRow);
    const last = Math.min(from + count, end);
    if (first < last) found.push([first - group.firstRow, last - first]);
  }
  return found;
}

/** Ranges without the empty ones, those that touch joined. `rows` ascend. */
export function joinRows(rows: readonly RowRange[]): RowRange[] {
  const joined: RowRange[] = [];
  for (const [from, count] of rows) {
    if (count === 0) continue;
    const last = joined.at(-1);
    if (last !== undefined && last[0] + last[1] === from) {
      joined[joined.length - 1] = [last[0], last[1] + count];
    } else joined.push([from, count]);
  }
  return joined;
}
