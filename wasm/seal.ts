// Border of the seal: rows in final order in, block tables out, in slices. Owns the phases and
// the walk over the samples; rows, tree, symbols and tables have files of their own. The live
// columns are only read, so queries go on; a seal's rows and stacks must stay until its release.
import { NONE, ROW_SAMPLE_COUNT, ROW_SAMPLE_START, STACK_DEPTH, STACK_SIZE } from './layout';
import { finishNodes, leafOf, startNodes } from './seal-nodes';
import { countText, fillProfiles, profileBytes, startProfiles } from './seal-profiles';
import { hasSpans, placeTotals, readRows, rowAt, seriesAt, totalsCount } from './seal-rows';
import { fillSamples, forgetRow, startSamples } from './seal-samples';
import { dropSlots, slotsAt } from './seal-slots';
import {
  LEAF_NODE, LEAF_SERIES, LEAF_SIZE, SERIES_ROW_COUNT, SERIES_ROW_FROM, SERIES_TOTAL_COUNT,
  dropSealState, fillVec, functionOrder, locationOrder, mappingOrder, nodes,
  rowNumbers, rowSeries, sampleStarts, series, stackLeaves, u32At,
} from './seal-state';
import { functionBytes, lineCount, mappingBytes, numberNodes, startSymbols } from './seal-symbols';
import { fillFunctions, fillLocations, fillMappings, fillStacktraces } from './seal-tables';
import { dropTotals, fillTotals, forgetTotals, startTotals } from './seal-totals';
import { MISUSE, OK, OUT_OF_MEMORY, fail } from './status';
import { sampleStacks, stacks } from './store';

const IDLE: u32 = 0;
const ROWS: u32 = 1;
const WALK: u32 = 2;
const NUMBER: u32 = 3;
const READY: u32 = 4;

/** What a frame of a new stack costs, in samples: a look-up that often misses the cache. */
const FRAME_COST: i32 = 8;
/** What a node costs when its symbols are numbered, in samples. */
const NODE_COST: i32 = 4;

/** Tables, in the order of a block's files; `series` is the host's own. */
const PROFILES: u32 = 0;
const SAMPLES: u32 = 1;
const TOTALS: u32 = 2;
const STACKTRACES: u32 = 3;
const LOCATIONS: u32 = 4;
const FUNCTIONS: u32 = 5;
const MAPPINGS: u32 = 6;

const RESULT: usize = memory.data(104, 8);
const RESULT_SERIES: usize = 0;
const RESULT_SERIES_COUNT: usize = 4;
const RESULT_HAS_SPANS: usize = 8;
const RESULT_SLOTS: usize = 12;
const RESULT_ROWS: usize = 16;
const RESULT_EXTRA_BYTES: usize = 48;

let phase: u32 = IDLE;
/** Where the walk goes on: series, position of the row, sample in it. */
let atSeries: u32 = 0;
let atRow: u32 = 0;
let atSample: u32 = 0;
let atNode: u32 = 0;

/**
 * Starts a seal of `count` rows. Answers where the host writes their row numbers (u32) in final
 * order, while their series ids go to `sealSeriesIds`; or a status.
 */
export function sealBegin(count: u32): i32 {
  if (phase != IDLE) return fail(MISUSE);
  // One entry more than rows: the end of the samples, and addresses even for an empty head.
  const entries = count + 1;
  if (
    !fillVec(rowNumbers, entries, 2, 0) || !fillVec(rowSeries, entries, 2, 0) ||
    !fillVec(sampleStarts, entries, 2, 0) || !fillVec(stackLeaves, stacks.length, 3, 0xff) ||
    !startNodes()
  ) {
    sealRelease();
    return fail(OUT_OF_MEMORY);
  }
  rowNumbers.length = count;
  atSeries = 0;
  atRow = 0;
  atSample = 0;
  atNode = 0;
  startProfiles();
  phase = ROWS;
  return <i32>rowNumbers.pointer;
}

/** Where the host writes the final series id (u32) of each row; one series' rows are together. */
export function sealSeriesIds(): usize {
  return rowSeries.pointer;
}

/**
 * Goes on for about `budget` samples (frames of new stacks and tree nodes count for several).
 * Answers what is left, 0 when the tables can be read, or a status; after one, release the seal.
 */
export function sealStep(budget: i32): i32 {
  if (phase == ROWS) {
    const status = readRows();
    if (status != OK) return status;
    phase = WALK;
  }
  if (phase == WALK) return walk(budget);
  if (phase == NUMBER) {
    atNode = numberNodes(atNode, budget / NODE_COST);
    return atNode < nodes.length ? <i32>(nodes.length - atNode) : finish();
  }
  return phase == READY ? 0 : fail(MISUSE);
}

/** Numbers the nodes of the stacks that the samples use, in order. */
function walk(budget: i32): i32 {
  while (atRow < rowNumbers.length) {
    const row = rowAt(atRow);
    const count = load<u32>(row, ROW_SAMPLE_COUNT);
    const ordinals = sampleStacks.pointer + (<usize>load<u32>(row, ROW_SAMPLE_START) << 2);
    while (atSample < count) {
      if (budget <= 0) return <i32>min(samplesLeft(), <u32>i32.MAX_VALUE);
      const cost = visit(load<u32>(ordinals + (<usize>atSample << 2)));
      if (cost < 0) return fail(OUT_OF_MEMORY);
      budget -= cost;
      atSample++;
    }
    budget -= <i32>countText(row);
    atSample = 0;
    atRow++;
    const record = seriesAt(atSeries);
    const end = load<u32>(record, SERIES_ROW_FROM) + load<u32>(record, SERIES_ROW_COUNT);
    if (atRow == end) atSeries++;
  }
  return finishWalk();
}

@inline function samplesLeft(): u32 {
  return u32At(sampleStarts, rowNumbers.length) - u32At(sampleStarts, atRow) - atSample;
}

/** One sample's stack: its leaf, if it is new, and its series. Answers the cost, -1: no memory. */
function visit(ordinal: u32): i32 {
  const at = stackLeaves.pointer + <usize>ordinal * LEAF_SIZE;
  if (load<u32>(at, LEAF_SERIES) == atSeries) return 1;
  store<u32>(at, atSeries, LEAF_SERIES);
  const total = seriesAt(atSeries) + SERIES_TOTAL_COUNT;
  store<u32>(total, load<u32>(total) + 1);
  if (load<u32>(at, LEAF_NODE) != NONE) return 1;
  const leaf = leafOf(ordinal);
  if (leaf == NONE) return -1;
  store<u32>(at, leaf, LEAF_NODE);
  const depth = load<u32>(stacks.pointer + <usize>ordinal * STACK_SIZE, STACK_DEPTH);
  return 1 + <i32>depth * FRAME_COST;
}

function finishWalk(): i32 {
  finishNodes();
  // A whole walk without memory for the rest would be in vain: everything is reserved now.
  if (!startSymbols() || !startSamples(placeTotals()) || !startTotals()) {
    return fail(OUT_OF_MEMORY);
  }
  phase = NUMBER;
  return nodes.length ? <i32>nodes.length : finish();
}

/** Notes what the host asks about; the tables can be read. Answers 0: nothing is left. */
function finish(): i32 {
  store<u32>(RESULT, <u32>series.pointer, RESULT_SERIES);
  store<u32>(RESULT, series.length, RESULT_SERIES_COUNT);
  store<u32>(RESULT, hasSpans ? 1 : 0, RESULT_HAS_SPANS);
  store<u32>(RESULT, <u32>slotsAt(), RESULT_SLOTS);
  note(PROFILES, rowNumbers.length, profileBytes);
  note(SAMPLES, u32At(sampleStarts, rowNumbers.length), 0);
  note(TOTALS, totalsCount, 0);
  note(STACKTRACES, nodes.length, 0);
  note(LOCATIONS, locationOrder.length, <f64>lineCount * 12);
  note(FUNCTIONS, functionOrder.length, functionBytes);
  note(MAPPINGS, mappingOrder.length, mappingBytes);
  phase = READY;
  return 0;
}

function note(table: usize, rows: u32, extraBytes: f64): void {
  store<u32>(RESULT + (table << 2), rows, RESULT_ROWS);
  store<f64>(RESULT + (table << 3), extraBytes, RESULT_EXTRA_BYTES);
}

/**
 * Where the sizes of the tables are, once `sealStep` answered 0: address and number of the series
 * records u32, 1 with spans u32, address of the slots u32 (12 bytes each: pointer, length in bytes,
 * capacity), rows by table u32, bytes of strings and lists by table f64.
 */
export function sealResult(): usize {
  return RESULT;
}

/**
 * Writes rows `from … from+count-1` of a table into the slots, whose address is `sealSlots`.
 * Answers OK or a status; a range past the end is MISUSE.
 */
export function sealFill(table: u32, from: u32, count: u32): i32 {
  const rows = load<u32>(RESULT + (<usize>table << 2), RESULT_ROWS);
  if (phase != READY || <u64>from + count > <u64>rows) return fail(MISUSE);
  // Samples and totals share their sort buffers.
  if (table == SAMPLES) forgetTotals();
  return fillTable(table, from, count) ? OK : fail(OUT_OF_MEMORY);
}

function fillTable(table: u32, from: u32, count: u32): bool {
  if (table == PROFILES) return fillProfiles(from, count);
  if (table == SAMPLES) return fillSamples(from, count);
  if (table == TOTALS) return fillTotals(from, count);
  if (table == STACKTRACES) return fillStacktraces(from, count);
  if (table == LOCATIONS) return fillLocations(from, count);
  if (table == FUNCTIONS) return fillFunctions(from, count);
  return fillMappings(from, count);
}

/** Gives back everything that the seal allocated; without a seal it does nothing. */
export function sealRelease(): void {
  finishNodes();
  dropSealState();
  dropTotals();
  dropSlots();
  forgetRow();
  phase = IDLE;
}
