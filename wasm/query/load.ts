// Border of a block's symbols: fills the columns of an empty kernel, which has no hash tables for
// them and takes no profile afterwards. Owns the check that every id leads somewhere: a block comes
// from outside.
import {
  FN_FILE, FN_NAME, FN_SIZE, FN_SYSTEM, LINE_FUNCTION, LINE_SIZE, LOC_LINE_COUNT, LOC_LINE_START,
  LOC_MAPPING, LOC_SIZE, MAP_BUILD, MAP_FILE, MAP_SIZE,
} from '../layout';
import { ensure } from '../memory';
import { BAD_BLOCK, OK, OUT_OF_MEMORY } from '../status';
import {
  columnOf, functions, lines, locations, mappings, stringBytes, stringOffsets,
} from './columns';

/** Where the host writes a column of `count` elements of `bytes` bytes each, or a status. */
export function loadColumn(column: u32, count: u32, bytes: u32): i32 {
  const v = columnOf(column);
  if (!ensure(v, <u64>count * bytes + 1)) return OUT_OF_MEMORY;
  v.length = count;
  return <i32>v.pointer;
}

/** OK when all ids of the loaded symbols are in range, else BAD_BLOCK. */
export function loadCheck(): i32 {
  return checkStrings() && checkFunctions() && checkMappings() && checkLocations() && checkLines()
    ? OK
    : BAD_BLOCK;
}

function checkStrings(): bool {
  const offsets = stringOffsets();
  if (!offsets.length || load<u32>(offsets.pointer)) return false;
  let last: u32 = 0;
  for (let i: u32 = 1; i < offsets.length; i++) {
    const next = load<u32>(offsets.pointer + (<usize>i << 2));
    if (next < last) return false;
    last = next;
  }
  return last == stringBytes().length;
}

/** True when all records of a column have at `offset` a u32 below `bound`. */
function isBelow(column: usize, count: u32, size: usize, offset: usize, bound: u32): bool {
  const end = column + <usize>count * size;
  for (let at = column + offset; at < end; at += size) {
    if (load<u32>(at) >= bound) return false;
  }
  return true;
}

function checkFunctions(): bool {
  const pointer = functions().pointer;
  const length = functions().length;
  const strings = stringOffsets().length - 1;
  return (
    isBelow(pointer, length, FN_SIZE, FN_NAME, strings) &&
    isBelow(pointer, length, FN_SIZE, FN_SYSTEM, strings) &&
    isBelow(pointer, length, FN_SIZE, FN_FILE, strings)
  );
}

function checkMappings(): bool {
  const pointer = mappings().pointer;
  const length = mappings().length;
  const strings = stringOffsets().length - 1;
  return (
    isBelow(pointer, length, MAP_SIZE, MAP_FILE, strings) &&
    isBelow(pointer, length, MAP_SIZE, MAP_BUILD, strings)
  );
}

function checkLocations(): bool {
  const pointer = locations().pointer;
  const length = locations().length;
  const lineCount = lines().length;
  if (!isBelow(pointer, length, LOC_SIZE, LOC_MAPPING, mappings().length + 1)) return false;
  const end = pointer + <usize>length * LOC_SIZE;
  for (let at = pointer; at < end; at += LOC_SIZE) {
    const last = <u64>load<u32>(at, LOC_LINE_START) + load<u32>(at, LOC_LINE_COUNT);
    if (last > lineCount) return false;
  }
  return true;
}

function checkLines(): bool {
  const pointer = lines().pointer;
  const length = lines().length;
  return isBelow(pointer, length, LINE_SIZE, LINE_FUNCTION, functions().length);
}
