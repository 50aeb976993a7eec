// The one table of statuses: what a border call answers when it is not a count or an address.
// Owns the codes and the two detail registers; `src/kernel/status.ts` mirrors the codes and turns
// them into messages, and ABI.md lists what the details hold.

export const OK: i32 = 0;
/** The host's maximum refused the room; nothing was changed. */
export const OUT_OF_MEMORY: i32 = -1;
/** The sum of everything in the head would pass 2^63-1; nothing was changed. */
export const HEAD_FULL: i32 = -2;
/** Details: byte offset of the message that a field runs past. */
export const TRUNCATED: i32 = -3;
/** Details: tag, byte offset behind it. */
export const WIRE_TYPE: i32 = -4;
/** Details: byte offset. */
export const VARINT: i32 = -5;
export const NO_STRINGS: i32 = -6;
/** Details: bytes of string 0. */
export const FIRST_STRING: i32 = -7;
/** Details: index, entries. */
export const STRING_INDEX: i32 = -8;
/** Details: kind of table (1 mapping, 2 location, 3 function), entry. */
export const ID_ZERO: i32 = -9;
/** Details: id, kind of table. */
export const ID_TWICE: i32 = -10;
/** Details: sample, number of values (high half) and of sample types (low half). */
export const VALUE_COUNT: i32 = -11;
export const NO_SAMPLE_TYPES: i32 = -12;
/** Details: count, bound. */
export const SAMPLE_TYPES: i32 = -13;
/**
 * Details: count, bound. The facts have the groups so far; the host scans again without some
 * labels.
 */
export const GROUPS: i32 = -14;
/** Details: sample, bound. */
export const SAMPLE_LABELS: i32 = -15;
/** Details: sample type whose values add up to more than 2^63-1. */
export const VALUE_SUM: i32 = -16;
/** Details: count, bound. */
export const COMMENTS: i32 = -17;
/** A call out of order: append without a scan, a mark that is not of this head. Our bug. */
export const MISUSE: i32 = -18;
/** A value of a tree is below 0; nothing was added. */
export const NEGATIVE: i32 = -19;
/** What a block holds is not possible; the query module's handle has the details. */
export const BAD_BLOCK: i32 = -20;

export const KIND_MAPPING: u32 = 1;
export const KIND_LOCATION: u32 = 2;
export const KIND_FUNCTION: u32 = 3;

/** What the last refusal was about; the meaning depends on the status. */
export let detail0: u64 = 0;
export let detail1: u64 = 0;
/** The last status set by `fail`: for callees that answer an address, with 0 for "failed". */
export let problem: i32 = OK;

/** Notes the details and answers the status. */
export function fail(status: i32, first: u64 = 0, second: u64 = 0): i32 {
  detail0 = first;
  detail1 = second;
  problem = status;
  return status;
}
