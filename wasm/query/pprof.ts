// Border of the encoding of sums as an uncompressed pprof with one sample type. Owns the order of
// the work: the tree of locations, the innermost locations if so asked, what is kept, then the
// messages in the order of their field numbers; string 0 is the empty one.
import { NONE } from '../layout';
import { Vec, reserve } from '../memory';
import { MISUSE, OK, OUT_OF_MEMORY } from '../status';
import { functions, locations, mappings, stringOffsets } from './columns';
import { markUsed } from './functions';
import { locationStep, startLocations } from './location-tree';
import { nameOf, startNames } from './name-table';
import { startCut } from './pprof-cut';
import { leavesStep, startLeaves } from './pprof-leaves';
import { numberStep, samplesStep } from './pprof-stacks';
import {
  AGGREGATE, FUNCTION_IDS, FUNCTION_ORDER, HEADER, HEADER_BYTES, HEADER_NAMES, IS_CUT, KEEP,
  LOCATION_COUNT, LOCATION_IDS, LOCATION_ORDER, MAPPING_IDS, NODES_MAX, OTHER_LOCATION, OUTPUT,
  PATH_BYTES, ROOT_OTHERS, stackNodes, stackValues,
} from './pprof-state';
import { locationsStep, pprofFunctionsStep, putMappings, stringsStep } from './pprof-tables';
import { FIELD_MAX, closeField, openField, putNumber } from './proto';
import {
  INPUT, IS_BLOCK, MAP, NAMES, NEXT_NODE, PHASE, STRING_NAMES, columnOf, startZero,
} from './sums-state';

/** Numbers apart from those of `functions.ts`, which shares the record's phase. */
const PHASE_LOCATIONS: u32 = 16;
const PHASE_LEAVES: u32 = 17;
const PHASE_KEEP: u32 = 18;
const PHASE_NUMBER: u32 = 19;
const PHASE_SAMPLES: u32 = 20;
const PHASE_TABLES: u32 = 21;
const PHASE_FUNCTIONS: u32 = 22;
const PHASE_STRINGS: u32 = 23;
/** The output is complete until more is added. */
const PHASE_READY: u32 = 24;

/** Names of the header: type, unit, type and unit of the period. */
const HEADER_TEXTS: u32 = 4;

/**
 * Begins an encoding of all that was added. The input has period, time and duration (i64), 5
 * offsets (u32), and the bytes of type, unit, period type and period unit. At most `nodesMax` nodes
 * are kept (0: all), of each stack `keep` locations from the leaf on (0: all); `aggregate` joins
 * leaves that differ by line. Answers a status.
 */
export function pprofBegin(sums: usize, nodesMax: u32, keep: u32, aggregate: u32): i32 {
  store<u32>(sums, nodesMax, NODES_MAX);
  store<u32>(sums, keep, KEEP);
  store<u32>(sums, aggregate, AGGREGATE);
  store<u32>(sums, 0, OTHER_LOCATION);
  store<u32>(sums, 0, IS_CUT);
  store<i64>(sums, 0, ROOT_OTHERS);
  const count = locations().length;
  store<u32>(sums, count, LOCATION_COUNT);
  columnOf(sums, OUTPUT).length = 0;
  columnOf(sums, LOCATION_ORDER).length = 0;
  columnOf(sums, FUNCTION_ORDER).length = 0;
  const isReady =
    startZero(columnOf(sums, LOCATION_IDS), aggregate ? count << 1 : count, 2) &&
    startZero(columnOf(sums, FUNCTION_IDS), functions().length, 2) &&
    startZero(columnOf(sums, MAPPING_IDS), mappings().length, 2) &&
    startZero(columnOf(sums, STRING_NAMES), stringOffsets().length, 2) &&
    readHeader(sums) &&
    (load<u32>(sums, IS_BLOCK) || startLocations(sums));
  if (!isReady) return OUT_OF_MEMORY;
  store<u32>(sums, PHASE_LOCATIONS, PHASE);
  return OK;
}

function readHeader(sums: usize): bool {
  const input = columnOf(sums, INPUT).pointer;
  const names = changetype<usize>(columnOf(sums, NAMES));
  const offsets = input + HEADER_BYTES;
  const bytes = offsets + (HEADER_TEXTS + 1 << 2);
  memory.copy(sums + HEADER, input, HEADER_BYTES);
  if (!startNames(names) || nameOf(names, bytes, 0) == NONE) return false;
  for (let i: u32 = 0; i < HEADER_TEXTS; i++) {
    const from = load<u32>(offsets + (<usize>i << 2));
    const name = nameOf(names, bytes + from, load<u32>(offsets + (<usize>i << 2), 4) - from);
    if (name == NONE) return false;
    store<u32>(sums + (<usize>i << 2), name, HEADER_NAMES);
  }
  return true;
}

@inline function headerName(sums: usize, index: usize): u32 {
  return load<u32>(sums + (index << 2), HEADER_NAMES);
}

/** Writes a field that is a type with its unit. */
function putType(at: usize, field: u32, type: u32, unit: u32): usize {
  const start = openField(at, field);
  return closeField(start, putNumber(putNumber(start, 1, type), 2, unit));
}

/** The sample type, which comes first. */
function putSampleType(sums: usize, output: Vec): bool {
  if (!reserve(output, 4 * FIELD_MAX, 0)) return false;
  const end = putType(output.pointer, 1, headerName(sums, 0), headerName(sums, 1));
  output.length = <u32>(end - output.pointer);
  return true;
}

/** What comes behind the strings. */
function putEnd(sums: usize, output: Vec): bool {
  if (!reserve(output, 9 * FIELD_MAX, 0)) return false;
  let at = output.pointer + output.length;
  at = putNumber(at, 9, load<u64>(sums, HEADER + 8));
  at = putNumber(at, 10, load<u64>(sums, HEADER + 16));
  at = putType(at, 11, headerName(sums, 2), headerName(sums, 3));
  at = putNumber(at, 12, load<u64>(sums, HEADER));
  at = putNumber(at, 14, headerName(sums, 0));
  output.length = <u32>(at - output.pointer);
  return true;
}

/** Nodes that are used and kept, and the first bytes; false without memory. */
function startOutput(sums: usize): bool {
  const nodes = stackNodes(sums);
  store<u32>(sums, 0, NEXT_NODE);
  return (
    markUsed(nodes, stackValues(sums), columnOf(sums, MAP)) &&
    startCut(sums) &&
    startZero(columnOf(sums, PATH_BYTES), nodes.length, 2) &&
    putSampleType(sums, columnOf(sums, OUTPUT))
  );
}

/** Does a slice of a phase: 1 while the phase has work, 0 at its end, -1 without memory. */
function workOn(sums: usize, phase: u32, budget: i32): i32 {
  switch (phase) {
    case PHASE_LOCATIONS: {
      const left: i32 = load<u32>(sums, IS_BLOCK) ? 0 : locationStep(sums, budget);
      if (left) return left < 0 ? -1 : 1;
      return startLeavesIfAsked(sums) ? 0 : -1;
    }
    case PHASE_LEAVES: return isAsked(sums) ? leavesStep(sums, budget) : 0;
    case PHASE_KEEP: return startOutput(sums) ? 0 : -1;
    case PHASE_NUMBER: return numberStep(sums, budget);
    case PHASE_SAMPLES: {
      const more = samplesStep(sums, budget);
      return more || putMappings(sums) ? more : -1;
    }
    case PHASE_TABLES: return locationsStep(sums, budget);
    case PHASE_FUNCTIONS: return pprofFunctionsStep(sums, budget);
    default: {
      const more = stringsStep(sums, budget);
      return more || putEnd(sums, columnOf(sums, OUTPUT)) ? more : -1;
    }
  }
}

@inline function isAsked(sums: usize): bool {
  return (load<u32>(sums, KEEP) | load<u32>(sums, AGGREGATE)) != 0;
}

function startLeavesIfAsked(sums: usize): bool {
  return isAsked(sums) ? startLeaves(sums) : true;
}

/**
 * Goes on for about `budget` look-ups. Answers 1 while work remains, 0 when the column OUTPUT is
 * the pprof, or a status: MISUSE when nothing was begun since more was added.
 */
export function pprofStep(sums: usize, budget: i32): i32 {
  const phase = load<u32>(sums, PHASE);
  if (phase == PHASE_READY) return 0;
  if (phase < PHASE_LOCATIONS) return MISUSE;
  const more = workOn(sums, phase, budget);
  if (more < 0) return OUT_OF_MEMORY;
  if (!more) store<u32>(sums, phase + 1, PHASE);
  return phase == PHASE_STRINGS && !more ? 0 : 1;
}
