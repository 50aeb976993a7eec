// Names of frames: each line of a location is a call, inlined ones included; a location without
// lines is one call that is named by its address. Owns how such a name is written.
import {
  FN_NAME, FN_SIZE, LINE_FUNCTION, LOC_ADDRESS, LOC_MAPPING, MAP_FILE, MAP_SIZE,
} from '../layout';
import { Vec, ensure } from '../memory';
import { functions, mappings, stringBytes, stringOffsets } from './columns';

/** Longest base name of a file that a name repeats; a file name has at most 255 bytes. */
const BASE_MAX: u32 = 1024;

/** Address of a string's bytes. */
@inline export function stringAddress(id: u32): usize {
  const offset = load<u32>(stringOffsets().pointer + (<usize>id << 2));
  return stringBytes().pointer + offset;
}

/** Bytes of a string. */
@inline export function stringLength(id: u32): u32 {
  const at = stringOffsets().pointer + (<usize>id << 2);
  return load<u32>(at, 4) - load<u32>(at);
}

/** String id of the name of a line's function. */
@inline export function lineName(line: usize): u32 {
  const fn = functions().pointer + <usize>load<u32>(line, LINE_FUNCTION) * FN_SIZE;
  return load<u32>(fn, FN_NAME);
}

/**
 * Writes the name of a location (at this address) that has no lines: base name of the mapping's
 * file or `unknown`, then `!0x` and the address. False without memory.
 */
export function writeAddressName(text: Vec, location: usize): bool {
  if (!ensure(text, <u64>BASE_MAX + 32)) return false;
  let at = text.pointer + writeBase(text.pointer, load<u32>(location, LOC_MAPPING));
  // "!0x", little-endian; the byte behind it is overwritten.
  store<u32>(at, 0x783021);
  at += 3;
  const address = load<u64>(location, LOC_ADDRESS);
  let shift: i32 = address ? (63 - <i32>clz<u64>(address)) & ~3 : 0;
  for (; shift >= 0; shift -= 4) {
    const digit = <u32>(address >> shift) & 15;
    store<u8>(at, digit + (digit < 10 ? 48 : 87));
    at++;
  }
  text.length = <u32>(at - text.pointer);
  return true;
}

/** Writes the base name of a mapping's file (id plus one); answers its bytes. */
function writeBase(to: usize, mapping: u32): u32 {
  if (mapping) {
    const file = load<u32>(mappings().pointer + <usize>(mapping - 1) * MAP_SIZE, MAP_FILE);
    const start = stringAddress(file);
    const end = start + stringLength(file);
    let from = end;
    // Slashes of either kind: blocks hold what any platform sent.
    while (from > start && load<u8>(from - 1) != 47 && load<u8>(from - 1) != 92) from--;
    const length = <u32>(end - from);
    if (length && length <= BASE_MAX) {
      memory.copy(to, from, length);
      return length;
    }
  }
  // "unknown".
  store<u64>(to, 0x6e776f6e6b6e75);
  return 7;
}
