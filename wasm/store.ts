// The head's columns: what `append` writes and `seal` and `merge` read. Owns the vectors and
// nothing else; all are append-only, so a rollback is a truncation.
import { vecAt } from './memory';

/** String bytes, valid UTF-8, back to back; `stringOffsets` has one entry more than strings. */
export const stringBytes = vecAt(memory.data(12, 4));
export const stringOffsets = vecAt(memory.data(12, 4));
/** Records of layout.ts; `length` counts records. */
export const functions = vecAt(memory.data(12, 4));
export const mappings = vecAt(memory.data(12, 4));
export const locations = vecAt(memory.data(12, 4));
export const lines = vecAt(memory.data(12, 4));
/** Distinct stacks, and their location ids (u32), leaf first as in pprof. */
export const stacks = vecAt(memory.data(12, 4));
export const frames = vecAt(memory.data(12, 4));
/** Sample columns: stack ordinal u32 and value i64; a row's samples are contiguous. */
export const sampleStacks = vecAt(memory.data(12, 4));
export const sampleValues = vecAt(memory.data(12, 4));
/** Only for rows with spans: span id u64 (0 none), trace id 16 bytes (all zero: none). */
export const spanIds = vecAt(memory.data(12, 4));
export const traceIds = vecAt(memory.data(12, 4));
export const rows = vecAt(memory.data(12, 4));
/** String ids (u32) of the rows' comments. */
export const comments = vecAt(memory.data(12, 4));
