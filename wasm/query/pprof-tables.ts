// The tables of a pprof: mappings, locations, functions and strings that its samples need, one
// message each. Functions are numbered when their first line is written, strings when they are
// first named.
import {
  FN_FILE, FN_NAME, FN_SIZE, FN_START, FN_SYSTEM, LINE_FUNCTION, LINE_NUMBER, LINE_SIZE,
  LOC_ADDRESS, LOC_FLAGS, LOC_LINE_COUNT, LOC_LINE_START, LOC_MAPPING, LOC_SIZE, MAP_BUILD,
  MAP_FILE, MAP_FLAGS, MAP_LIMIT, MAP_OFFSET, MAP_SIZE, MAP_START, NONE,
} from '../layout';
import { reserve } from '../memory';
import { functions, lines, locations, mappings } from './columns';
import { nameOfString } from './functions';
import { nameOf } from './name-table';
import {
  FUNCTION_IDS, FUNCTION_ORDER, LEAF_BIT, LOCATION_ORDER, MAPPING_IDS, OTHER_LOCATION, OUTPUT,
} from './pprof-state';
import { FIELD_MAX, closeField, openField, putNumber, putVarint } from './proto';
import { NAMES, NEXT_NODE, TEXT, columnOf, setU32, u32At } from './sums-state';

/** Room for `bytes` more; answers where to write, or 0 when there is no memory. */
function room(sums: usize, bytes: u32): usize {
  const output = columnOf(sums, OUTPUT);
  return reserve(output, bytes, 0) ? output.pointer + output.length : 0;
}

function wrote(sums: usize, end: usize): void {
  const output = columnOf(sums, OUTPUT);
  output.length = <u32>(end - output.pointer);
}

/** Writes all mappings; false without memory. */
export function putMappings(sums: usize): bool {
  const ids = columnOf(sums, MAPPING_IDS);
  for (let i: u32 = 0; i < ids.length; i++) {
    if (u32At(ids, i) && !putMapping(sums, i, u32At(ids, i))) return false;
  }
  return true;
}

function putMapping(sums: usize, index: u32, id: u32): bool {
  const mapping = mappings().pointer + <usize>index * MAP_SIZE;
  const file = nameOfString(sums, load<u32>(mapping, MAP_FILE));
  const build = nameOfString(sums, load<u32>(mapping, MAP_BUILD));
  const flags = load<u32>(mapping, MAP_FLAGS);
  const to = room(sums, 11 * FIELD_MAX);
  if (!to || file == NONE || build == NONE) return false;
  const start = openField(to, 3);
  let at = putNumber(start, 1, id);
  at = putNumber(at, 2, load<u64>(mapping, MAP_START));
  at = putNumber(at, 3, load<u64>(mapping, MAP_LIMIT));
  at = putNumber(at, 4, load<u64>(mapping, MAP_OFFSET));
  at = putNumber(at, 5, file);
  at = putNumber(at, 6, build);
  for (let bit: u32 = 0; bit < 4; bit++) at = putNumber(at, 7 + bit, (flags >> bit) & 1);
  wrote(sums, closeField(start, at));
  return true;
}

/** Writes about `budget` locations. Answers 1 while work remains, else 0; -1: no memory. */
export function locationsStep(sums: usize, budget: i32): i32 {
  const order = columnOf(sums, LOCATION_ORDER);
  let i = load<u32>(sums, NEXT_NODE);
  for (; i < order.length && budget > 0; i++) {
    const label = u32At(order, i);
    const location = locations().pointer + <usize>(label & ~LEAF_BIT) * LOC_SIZE;
    budget -= <i32>load<u32>(location, LOC_LINE_COUNT) + 1;
    if (!putLocation(sums, location, i + 1, (label & LEAF_BIT) != 0)) return -1;
  }
  store<u32>(sums, i, NEXT_NODE);
  if (i < order.length) return 1;
  const other = load<u32>(sums, OTHER_LOCATION);
  if (other && !putOther(sums, other)) return -1;
  store<u32>(sums, 0, NEXT_NODE);
  return 0;
}

function putLocation(sums: usize, location: usize, id: u32, isLeaf: bool): bool {
  const count = load<u32>(location, LOC_LINE_COUNT);
  const to = room(sums, (count * 3 + 5) * FIELD_MAX);
  const mapping = load<u32>(location, LOC_MAPPING);
  if (!to) return false;
  const start = openField(to, 4);
  let at = putNumber(start, 1, id);
  if (mapping) at = putNumber(at, 2, u32At(columnOf(sums, MAPPING_IDS), mapping - 1));
  if (!isLeaf) at = putNumber(at, 3, load<u64>(location, LOC_ADDRESS));
  const first = lines().pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
  for (let i: u32 = 0; i < count; i++) {
    const line = first + <usize>i * LINE_SIZE;
    const fn = functionId(sums, load<u32>(line, LINE_FUNCTION));
    if (!fn) return false;
    const lineStart = openField(at, 4);
    at = putNumber(lineStart, 1, fn);
    if (i || !isLeaf) at = putNumber(at, 2, load<u64>(line, LINE_NUMBER));
    at = closeField(lineStart, at);
  }
  at = putNumber(at, 5, load<u32>(location, LOC_FLAGS) & 1);
  wrote(sums, closeField(start, at));
  return true;
}

/** Id of a function, numbered now if it is new; 0 when there is no memory. */
function functionId(sums: usize, fn: u32): u32 {
  const ids = columnOf(sums, FUNCTION_IDS);
  const known = u32At(ids, fn);
  if (known) return known;
  const order = columnOf(sums, FUNCTION_ORDER);
  if (!reserve(order, 1, 2)) return 0;
  setU32(order, order.length++, fn);
  setU32(ids, fn, order.length);
  return order.length;
}

/** The location of what is left out, whose function comes behind all others. */
function putOther(sums: usize, id: u32): bool {
  const to = room(sums, 4 * FIELD_MAX);
  if (!to) return false;
  const start = openField(to, 4);
  const lineStart = openField(putNumber(start, 1, id), 4);
  const fn = columnOf(sums, FUNCTION_ORDER).length + 1;
  const at = closeField(lineStart, putNumber(lineStart, 1, fn));
  wrote(sums, closeField(start, at));
  return true;
}

/** Writes about `budget` functions. Answers 1 while work remains, else 0; -1: no memory. */
export function pprofFunctionsStep(sums: usize, budget: i32): i32 {
  const order = columnOf(sums, FUNCTION_ORDER);
  let i = load<u32>(sums, NEXT_NODE);
  for (; i < order.length && budget > 0; i++, budget--) {
    const fn = functions().pointer + <usize>u32At(order, i) * FN_SIZE;
    const name = nameOfString(sums, load<u32>(fn, FN_NAME));
    const system = nameOfString(sums, load<u32>(fn, FN_SYSTEM));
    const file = nameOfString(sums, load<u32>(fn, FN_FILE));
    if (name == NONE || system == NONE || file == NONE) return -1;
    if (!putFunction(sums, i + 1, name, system, file, load<u64>(fn, FN_START))) return -1;
  }
  store<u32>(sums, i, NEXT_NODE);
  if (i < order.length) return 1;
  store<u32>(sums, 0, NEXT_NODE);
  if (!load<u32>(sums, OTHER_LOCATION)) return 0;
  const other = otherName(sums);
  return other != NONE && putFunction(sums, i + 1, other, other, 0, 0) ? 0 : -1;
}

function putFunction(
  sums: usize, id: u32, name: u32, system: u32, file: u32, startLine: u64,
): bool {
  const to = room(sums, 6 * FIELD_MAX);
  if (!to) return false;
  const start = openField(to, 5);
  let at = putNumber(start, 1, id);
  at = putNumber(at, 2, name);
  at = putNumber(at, 3, system);
  at = putNumber(at, 4, file);
  at = putNumber(at, 5, startLine);
  wrote(sums, closeField(start, at));
  return true;
}

function otherName(sums: usize): u32 {
  const text = columnOf(sums, TEXT);
  text.length = 0;
  if (!reserve(text, 16, 0)) return NONE;
  // "other".
  store<u64>(text.pointer, 0x726568746f);
  return nameOf(changetype<usize>(columnOf(sums, NAMES)), text.pointer, 5);
}

/** Writes about `budget` strings. Answers 1 while work remains, else 0; -1: no memory. */
export function stringsStep(sums: usize, budget: i32): i32 {
  const offsets = columnOf(sums, NAMES);
  const bytes = columnOf(sums, NAMES + 1);
  let i = load<u32>(sums, NEXT_NODE);
  for (; i + 1 < offsets.length && budget > 0; i++, budget--) {
    const from = u32At(offsets, i);
    const length = u32At(offsets, i + 1) - from;
    const to = room(sums, length + FIELD_MAX);
    if (!to) return -1;
    store<u8>(to, 0x32);
    const at = putVarint(to + 1, length);
    memory.copy(at, bytes.pointer + from, length);
    wrote(sums, at + length);
    budget -= <i32>(length >>> 6);
  }
  store<u32>(sums, i, NEXT_NODE);
  return i + 1 < offsets.length ? 1 : 0;
}
