// The record behind a handle of sums, on this side of the border: exports, offsets, and copying in.
// Owns what `wasm/query/sums-state.ts` lays out, as far as the host looks at it.
import type { Kernel } from './kernel.ts';

/** Exports of `wasm/query/`; `wasm/ABI.md` says what they do. Addresses come back signed. */
export interface SumsExports {
  sumsBegin(): number;
  sumsInput(sums: number, bytes: number): number;
  sumsRelease(sums: number): void;
  sumsIsEmpty(sums: number): number;
  callSite(sums: number, count: number, bytes: number): number;
  filterNone(sums: number): void;
  filterMask(sums: number, ofProfiles: number, count: number): number;
  filterTimes(sums: number): void;
  filterIds(sums: number, ofTraces: number, count: number): number;
  sumsAddRows(sums: number, count: number): number;
  sumsRowTotals(sums: number, count: number): number;
  sumsSetNodes(sums: number, count: number): number;
  sumsAddBatch(sums: number, count: number): number;
  sumsStartTotals(sums: number, count: number): number;
  sumsBatchTotals(sums: number, count: number, first: number): number;
  functionsStep(sums: number, budget: number): number;
  pprofBegin(sums: number, maxNodes: number, keep: number, aggregate: number): number;
  pprofStep(sums: number, budget: number): number;
}

const columnBytes = 12;
const columnsFrom = 96;
const scalars = columnsFrom + 30 * columnBytes;
/** Offsets in the record, compared with `wasm/query/sums-state.ts` by a test. */
export const sumsLayout = {
  totals: columnsFrom + 3 * columnBytes,
  answer: 48,
  answerSums: columnsFrom + 13 * columnBytes,
  nameOffsets: columnsFrom + 14 * columnBytes,
  nameBytes: columnsFrom + 15 * columnBytes,
  pprof: columnsFrom + 18 * columnBytes,
  detail: scalars + 24,
} as const;

/** Where a column of the record is now; the buffer is void after a call that may grow it. */
export function columnAt(kernel: Kernel, sums: number, name: keyof typeof sumsLayout) {
  const { buffer } = kernel.u8();
  const record = new DataView(buffer, sums + sumsLayout[name]);
  return { buffer, at: record.getUint32(0, true), count: record.getUint32(4, true) };
}

/** What the last refusal was about. */
export function detailOf(kernel: Kernel, sums: number): bigint {
  return new DataView(kernel.buffer, sums + sumsLayout.detail).getBigUint64(0, true);
}

/** Copies arrays back to back to the address that `reserve` answers for their bytes. */
export function fillInput(
  kernel: Kernel,
  parts: readonly ArrayBufferView[],
  reserve: (bytes: number) => number,
): void {
  let at = reserve(parts.reduce((sum, part) => sum + part.byteLength, 0));
  const memory = kernel.u8();
  for (const { buffer, byteOffset, byteLength } of parts) {
    memory.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
}
