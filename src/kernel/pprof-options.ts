// What a pprof is encoded with: its header, and what may be left out. Owns how that crosses the
// border; `wasm/query/pprof.ts` reads it.
import { assert } from '../errors.ts';

export interface PprofHeader {
  readonly sampleType: string;
  readonly sampleUnit: string;
  readonly periodType: string;
  readonly periodUnit: string;
  readonly period: bigint;
  readonly timeNs: bigint;
  readonly durationNs: bigint;
}

export interface PprofOptions {
  /**
   * Most nodes of the tree of locations, ties apart; 0 or undefined: all. What is left out of a
   * stack on the leaf's side becomes one location with the function `other`.
   */
  readonly maxNodes?: number | undefined;
  /** For profile-guided optimisation; applied before `maxNodes`. */
  readonly goPgo?:
    | {
        /** Locations of each stack that stay, from the leaf on; 0: all. */
        readonly keepLocations: number;
        /** Leaves lose their address and the line of their innermost call, so that they merge. */
        readonly aggregateCallees: boolean;
      }
    | undefined;
}

const encoder = new TextEncoder();
const countMax = 2 ** 32 - 1;

/** The header as `pprofBegin` reads it: numbers, offsets of the names, bytes of the names. */
export function headerInput(header: PprofHeader): ArrayBufferView[] {
  const { sampleType, sampleUnit, periodType, periodUnit } = header;
  const texts = [sampleType, sampleUnit, periodType, periodUnit].map((text) =>
    encoder.encode(text),
  );
  const offsets = new Uint32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) offsets[i + 1] = (offsets[i] ?? 0) + text.length;
  return [BigInt64Array.of(header.period, header.timeNs, header.durationNs), offsets, ...texts];
}

/** The options as three numbers of `pprofBegin`. */
export function optionNumbers(options: PprofOptions): [max: number, keep: number, join: number] {
  const max = options.maxNodes ?? 0;
  const keep = options.goPgo?.keepLocations ?? 0;
  for (const count of [max, keep]) {
    assert(Number.isInteger(count) && count >= 0, `a bound of ${count} is not a count`);
  }
  const join = Number(options.goPgo?.aggregateCallees ?? false);
  // More than there can be is all of them.
  return [max > countMax ? 0 : max, keep > countMax ? 0 : keep, join];
}
