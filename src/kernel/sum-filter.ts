// Batches of a block's samples and the filters over them, in the order in which the kernel reads
// them. Owns which columns a filter needs; `wasm/query/sums-batch.ts` applies it.
import { assert } from '../errors.ts';
import type { SumsExports } from './sums-record.ts';

/** Rows of a block's `samples` or `totals`: arrays of equal lengths, read only during a call. */
export interface SampleBatch {
  /** Ids of stack nodes. */
  readonly stacks: Uint32Array;
  readonly values: BigInt64Array;
  /** Needed when the filter has a series mask. */
  readonly series?: Uint32Array;
  /** Needed when the filter has a time range. */
  readonly timesNs?: BigInt64Array;
  /** Needed when the filter has a profile mask, and for totals by profile. */
  readonly profiles?: Uint32Array;
  /** 0: none. Needed when the filter has span ids. */
  readonly spanIds?: BigUint64Array;
  /** 16 bytes each, all zero: none. Needed when the filter has trace ids. */
  readonly traceIds?: Uint8Array;
}

/** A sample counts when all that is there lets it pass; empty lists let none pass. */
export interface BatchFilter {
  /** By series id: 1 passes; ids past its end do not. */
  readonly seriesMask?: Uint8Array;
  /** By profile id, in the same way. */
  readonly profileMask?: Uint8Array;
  /** Both inclusive; one may be left out. */
  readonly startNs?: bigint;
  readonly endNs?: bigint;
  readonly spanIds?: BigUint64Array;
  /** 16 bytes each, back to back. */
  readonly traceIds?: Uint8Array;
}

const timeMax = 2n ** 63n - 1n;
const traceBytes = 16;

const hasRange = (filter: BatchFilter) =>
  filter.startNs !== undefined || filter.endNs !== undefined;

/** Tells the kernel a filter, after `filterNone`: `input` precedes each call. */
export function setFilter(
  filter: BatchFilter,
  input: (...parts: readonly ArrayBufferView[]) => void,
  call: (run: (calls: SumsExports, sums: number) => number) => void,
): void {
  const { seriesMask, profileMask, startNs, endNs, spanIds, traceIds } = filter;
  if (seriesMask !== undefined) {
    input(seriesMask);
    call((calls, sums) => calls.filterMask(sums, 0, seriesMask.length));
  }
  if (profileMask !== undefined) {
    input(profileMask);
    call((calls, sums) => calls.filterMask(sums, 1, profileMask.length));
  }
  if (hasRange(filter)) {
    input(BigInt64Array.of(startNs ?? -timeMax - 1n, endNs ?? timeMax));
    call((calls, sums) => {
      calls.filterTimes(sums);
      return 0;
    });
  }
  if (spanIds !== undefined) {
    input(spanIds);
    call((calls, sums) => calls.filterIds(sums, 0, spanIds.length));
  }
  if (traceIds !== undefined) {
    const count = traceIds.length / traceBytes;
    assert(Number.isInteger(count), `trace ids are ${traceIds.length} bytes, 16 each`);
    input(traceIds);
    call((calls, sums) => calls.filterIds(sums, 1, count));
  }
}

/** The columns of samples `from … to-1` that the kernel reads, in its order. */
export function batchColumns(
  batch: SampleBatch,
  filter: BatchFilter | undefined,
  from: number,
  to: number,
  byProfile: boolean,
): ArrayBufferView[] {
  const parts: ArrayBufferView[] = [];
  const add = <
    T extends ArrayBufferView & { subarray(from: number, to: number): T; length: number },
  >(
    name: string,
    isNeeded: boolean,
    column: T | undefined,
    width = 1,
  ) => {
    if (!isNeeded) return;
    assert(column !== undefined, `batch without ${name}, which the filter needs`);
    const count = batch.stacks.length * width;
    assert(column.length === count, `batch has ${column.length} ${name}, must have ${count}`);
    parts.push(column.subarray(from * width, to * width));
  };
  add('trace ids', filter?.traceIds !== undefined, batch.traceIds, traceBytes);
  add('values', true, batch.values);
  add('times', filter !== undefined && hasRange(filter), batch.timesNs);
  add('span ids', filter?.spanIds !== undefined, batch.spanIds);
  add('stacks', true, batch.stacks);
  add('series', filter?.seriesMask !== undefined, batch.series);
  add('profiles', byProfile || filter?.profileMask !== undefined, batch.profiles);
  return parts;
}
