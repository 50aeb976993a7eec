// A head's life on this side: its start with a seed, and its sizes.
import { seedKeys } from './hash';
import { inputForget } from './input';
import { STATS_BYTES, STATS_COUNTS, STATS_ROWS } from './layout';
import { startMemory } from './allocator';
import { startPackedIds } from './packed-ids';
import { headBytes } from './rollback';
import { useUpScan } from './scan';
import { startStacks } from './stacks';
import { OK, OUT_OF_MEMORY, detail0, detail1, fail } from './status';
import {
  functions,
  locations,
  mappings,
  rows,
  sampleStacks,
  setValueSum,
  stacks,
  stringOffsets,
} from './store';
import { startStrings } from './strings';
import { reserveSymbols } from './symbols';
import { startTables } from './table';

const STATS: usize = memory.data(40, 8);
const DETAILS: usize = memory.data(16, 8);

/**
 * Starts an empty head, first or anew, on memory that is as the module was instantiated on: its
 * static data, and zero elsewhere. Sets every variable that is read before it is written. Answers
 * a status.
 */
export function start(seedLow: u32, seedHigh: u32): i32 {
  startMemory();
  startTables();
  setValueSum(0);
  inputForget();
  useUpScan();
  seedKeys(seedLow, seedHigh);
  startPackedIds();
  return startStrings() && reserveSymbols(0, 0, 0, 0) && startStacks()
    ? OK
    : fail(OUT_OF_MEMORY);
}

/** Writes the head's sizes; answers where. */
export function stats(): usize {
  store<u64>(STATS, headBytes(), STATS_BYTES);
  store<u32>(STATS, stringOffsets.length - 1, STATS_COUNTS);
  store<u32>(STATS, functions.length, STATS_COUNTS + 4);
  store<u32>(STATS, mappings.length, STATS_COUNTS + 8);
  store<u32>(STATS, locations.length, STATS_COUNTS + 12);
  store<u32>(STATS, stacks.length, STATS_COUNTS + 16);
  store<u32>(STATS, rows.length, STATS_ROWS);
  store<u32>(STATS, sampleStacks.length, STATS_COUNTS + 24);
  return STATS;
}

/** Writes the two details of the last refusal (u64 each); answers where. */
export function details(): usize {
  store<u64>(DETAILS, detail0);
  store<u64>(DETAILS, detail1, 8);
  return DETAILS;
}
