// Border of the seal: rows in final order in, block tables out, in slices. Owns the phases and
// the walk over the samples; rows, tree, symbols and tables have files of their own. The live
// columns are only read, so queries go on; a seal's rows and stacks must stay until its release.
import { NONE, ROW_SAMPLE_COUNT, ROW_SAMPLE_START, STACK_DEPTH, STACK_SIZE } from './layout';
import { finishNodes, leafOf, startNodes } from './seal-nodes';
import { fillProfiles } from './seal-profiles';
import { hasSpans, readRows, rowAt, seriesAt } from './seal-rows';
import { fillSamples, startSamples } from './seal-samples';
import {
  LEAF_NODE, LEAF_SERIES, LEAF_SIZE, SERIES_ROW, SERIES_TOTAL, SLOTS, dropSealState, fillVec,
  functionOrder, locationOrder, mappingOrder, nodes, rowNumbers, rowSeries, sampleStarts, series,
  stackLeaves, u32At,
} from './seal-state';
import { numberNodes, startSymbols } from './seal-symbols';
import { fillFunctions, fillLocations, fillMappings, fillStacktraces } from './seal-tables';
import { fillTotals, keepTotals, startTotals } from './seal-totals';
import { MISUSE, OK, OUT_OF_MEMORY, fail } from './status';
import { sampleStacks, stacks } from './store';

const IDLE: u32 = 0;
const ROWS: u32 = 1;
const WALK: u32 = 2;
const NUMBER: u32 = 3;
const ADD: u32 = 4;
const READY: u32 = 5;

/** What a frame of a new stack costs, in samples: a look-up that often misses the cache. */
const FRAME_COST: i32 = 16;
/** What a node costs when its symbols are numbered, in samples. */
const NODE_COST: i32 = 4;

/** Tables, in the order of a block's files without `series`; mappings are the seventh. */
const PROFILES: u32 = 0;
const SAMPLES: u32 = 1;
const TOTALS: u32 = 2;
const STACKTRACES: u32 = 3;
const LOCATIONS: u32 = 4;
const FUNCTIONS: u32 = 5;

const RESULT: usize = memory.data(48, 4);
const RESULT_SERIES: usize = 0;
const RESULT_SERIES_COUNT: usize = 4;
const RESULT_HAS_SPANS: usize = 8;
const RESULT_SLOTS: usize = 12;
const RESULT_ROW_SERIES: usize = 16;
const RESULT_ROWS: usize = 20;

let phase: u32 = IDLE;
/** Where the walk goes on: series, position of the row, sample in it. */
let atSeries: u32 = 0;
let atRow: u32 = 0;
let atSample: u32 = 0;
let atNode: u32 = 0;
/** Totals counted so far, and of the series that has the most. */
let totalsCount: u32 = 0;
let seriesTotalsMax: u32 = 0;

/**
 * Starts a seal of `count` rows. Answers where the host writes their row numbers (u32) in final
 * order, or a status. Their series ids go where `sealResult` says; one series' rows are together.
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
  totalsCount = 0;
  seriesTotalsMax = 0;
  store<u32>(RESULT, <u32>rowSeries.pointer, RESULT_ROW_SERIES);
  phase = ROWS;
  return <i32>rowNumbers.pointer;
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
    if (atNode < nodes.length) return <i32>(nodes.length - atNode);
    phase = ADD;
    return 1;
  }
  if (phase == ADD) {
    const left = keepTotals(budget);
    return left ? <i32>left : finish();
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
      if (budget <= 0) return <i32>samplesLeft();
      const cost = visit(load<u32>(ordinals + (<usize>atSample << 2)));
      if (cost < 0) return fail(OUT_OF_MEMORY);
      budget -= cost;
      atSample++;
    }
    atSample = 0;
    atRow++;
    if (atRow == load<u32>(seriesAt(atSeries + 1), SERIES_ROW)) endSeries();
  }
  return finishWalk();
}

/** The totals of the next series come after those of this one. */
function endSeries(): void {
  const count = totalsCount - load<u32>(seriesAt(atSeries), SERIES_TOTAL);
  seriesTotalsMax = max(seriesTotalsMax, count);
  atSeries++;
  store<u32>(seriesAt(atSeries), totalsCount, SERIES_TOTAL);
}

/** Never 2^31: each sample takes 12 bytes of 4 GiB. */
@inline function samplesLeft(): u32 {
  return u32At(sampleStarts, rowNumbers.length) - u32At(sampleStarts, atRow) - atSample;
}

/** One sample's stack: its leaf, if it is new, and its series. Answers the cost, -1: no memory. */
function visit(ordinal: u32): i32 {
  const at = stackLeaves.pointer + <usize>ordinal * LEAF_SIZE;
  if (load<u32>(at, LEAF_SERIES) == atSeries) return 1;
  store<u32>(at, atSeries, LEAF_SERIES);
  totalsCount++;
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
  if (!startSymbols() || !startSamples(seriesTotalsMax) || !startTotals(seriesTotalsMax)) {
    return fail(OUT_OF_MEMORY);
  }
  phase = NUMBER;
  return 1;
}

/** Notes what the host asks about; the tables can be read. Answers 0: nothing is left. */
function finish(): i32 {
  store<u32>(RESULT, <u32>series.pointer, RESULT_SERIES);
  store<u32>(RESULT, series.length, RESULT_SERIES_COUNT);
  store<u32>(RESULT, hasSpans ? 1 : 0, RESULT_HAS_SPANS);
  store<u32>(RESULT, <u32>SLOTS, RESULT_SLOTS);
  store<u32>(RESULT, rowNumbers.length, RESULT_ROWS);
  store<u32>(RESULT, u32At(sampleStarts, rowNumbers.length), RESULT_ROWS + 4);
  store<u32>(RESULT, totalsCount, RESULT_ROWS + 8);
  store<u32>(RESULT, nodes.length, RESULT_ROWS + 12);
  store<u32>(RESULT, locationOrder.length, RESULT_ROWS + 16);
  store<u32>(RESULT, functionOrder.length, RESULT_ROWS + 20);
  store<u32>(RESULT, mappingOrder.length, RESULT_ROWS + 24);
  phase = READY;
  return 0;
}

/**
 * Where the seal's own sizes and addresses are, all u32: address and number of the series records,
 * 1 with spans, address of the slots (12 bytes each: pointer, length in bytes, capacity), where the
 * host writes the rows' series ids, and the rows of each table. All but the series ids' address
 * only once `sealStep` answered 0.
 */
export function sealResult(): usize {
  return RESULT;
}

/**
 * Writes rows `from … from+count-1` of a table (0 to 6, in the order above) into the slots.
 * Answers OK or a status; a range past the end is MISUSE.
 */
export function sealFill(table: u32, from: u32, count: u32): i32 {
  const rows = load<u32>(RESULT + (<usize>table << 2), RESULT_ROWS);
  if (phase != READY || <u64>from + count > <u64>rows) return fail(MISUSE);
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
  dropSealState();
  phase = IDLE;
}
