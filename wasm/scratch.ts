// Scratch columns: what a scan decodes into and an append works with. Owns the vectors; nothing in
// them outlives the next scan. They lie back to back, so that trimming is a loop.
import { VEC_SIZE, Vec, dropVec, vecAt } from './memory';

const SCRATCH_COUNT: u32 = 38;
const SCRATCH: usize = memory.data(38 * 12, 4);

/** The bytes that are scanned, with room for a prefix before and guard bytes behind. */
export const inputBuffer = changetype<Vec>(SCRATCH);

// ---- extents: first and past-the-end address (u32 each) of each message or string
export const stringExtents = changetype<Vec>(SCRATCH + 12);
export const sampleExtents = changetype<Vec>(SCRATCH + 12 * 2);
export const mappingExtents = changetype<Vec>(SCRATCH + 12 * 3);
export const locationExtents = changetype<Vec>(SCRATCH + 12 * 4);
export const functionExtents = changetype<Vec>(SCRATCH + 12 * 5);

// ---- decoded tables: records of layout.ts with the profile's own indexes in place of ids
export const scannedFunctions = changetype<Vec>(SCRATCH + 12 * 6);
export const scannedMappings = changetype<Vec>(SCRATCH + 12 * 7);
export const scannedLocations = changetype<Vec>(SCRATCH + 12 * 8);
export const scannedLines = changetype<Vec>(SCRATCH + 12 * 9);
/** Ids (u64) of the table being decoded, and three tables from id to index. */
export const tableIds = changetype<Vec>(SCRATCH + 12 * 10);
export const functionIdTable = changetype<Vec>(SCRATCH + 12 * 11);
export const mappingIdTable = changetype<Vec>(SCRATCH + 12 * 12);
export const locationIdTable = changetype<Vec>(SCRATCH + 12 * 13);
/** String indexes (u32) of the comments. */
export const commentStrings = changetype<Vec>(SCRATCH + 12 * 14);

// ---- kept samples
/** Location indexes (u32), rewritten to location ids by `append`. */
export const scannedFrames = changetype<Vec>(SCRATCH + 12 * 15);
/** Per kept sample: past the end of its frames (u32), values (i64 × sample types). */
export const frameEnds = changetype<Vec>(SCRATCH + 12 * 16);
export const scannedValues = changetype<Vec>(SCRATCH + 12 * 17);
/** Per kept sample, only when one has labels: group u32; only when one has a span: the two ids. */
export const sampleGroups = changetype<Vec>(SCRATCH + 12 * 18);
export const sampleSpans = changetype<Vec>(SCRATCH + 12 * 19);
export const sampleTraces = changetype<Vec>(SCRATCH + 12 * 20);

// ---- label groups
/** Label pairs of the sample at hand: value index u32, key index u32. */
export const labelPairs = changetype<Vec>(SCRATCH + 12 * 21);
export const labelSortSpace = changetype<Vec>(SCRATCH + 12 * 22);
/** Per group: first and past-the-end entry (u32 each) in `groupPairs`. */
export const groupExtents = changetype<Vec>(SCRATCH + 12 * 23);
export const groupPairs = changetype<Vec>(SCRATCH + 12 * 24);
/** Per group and sample type: samples whose value is not zero (u32), their sum (i64). */
export const groupCounts = changetype<Vec>(SCRATCH + 12 * 25);
export const groupTotals = changetype<Vec>(SCRATCH + 12 * 26);

// ---- append
/** From the profile's index to the head's id (u32). */
export const stringIds = changetype<Vec>(SCRATCH + 12 * 27);
export const functionIds = changetype<Vec>(SCRATCH + 12 * 28);
export const mappingIds = changetype<Vec>(SCRATCH + 12 * 29);
export const locationIds = changetype<Vec>(SCRATCH + 12 * 30);
/** Stack hash (u64) per kept sample. */
export const stackHashes = changetype<Vec>(SCRATCH + 12 * 31);
/** String indexes (u32) that the head does not have yet. */
export const missingStrings = changetype<Vec>(SCRATCH + 12 * 32);
/** Repaired bytes of a string that is not valid UTF-8. */
export const repairedBytes = changetype<Vec>(SCRATCH + 12 * 33);
/** What the host asks for: labels that a scan ignores, then the plan of an append. */
export const hostSpace = changetype<Vec>(SCRATCH + 12 * 34);
/** For ordering samples by group and listing the distinct ones; a table over those with spans. */
export const rowSpace = changetype<Vec>(SCRATCH + 12 * 35);
export const mergeSpace = changetype<Vec>(SCRATCH + 12 * 36);

/** Function names without Go's type parameters, back to back. */
export const shortNames = changetype<Vec>(SCRATCH + 12 * 37);

/** Bytes of scratch that an idle head may keep: the typical profile is scanned in less. */
const SCRATCH_KEEP: u64 = 1 << 20;

/** Bytes of all scratch columns. */
export function scratchBytes(): u64 {
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < SCRATCH_COUNT; i++) {
    bytes += changetype<Vec>(SCRATCH + <usize>i * VEC_SIZE).capacity;
  }
  return bytes;
}

/** Gives all scratch back when it is more than an idle head may keep; true when it did. */
export function trimColumns(): bool {
  if (scratchBytes() <= SCRATCH_KEEP) return false;
  for (let i: u32 = 0; i < SCRATCH_COUNT; i++) dropVec(vecAt(SCRATCH + <usize>i * VEC_SIZE));
  return true;
}
