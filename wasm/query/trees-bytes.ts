// Pyroscope's tree bytes of the first merged tree: for each node its name, self value and number of
// children, depth first, the last child first, which is the order of the cut list.
import { Vec, ensure, reserve } from '../memory';
import { MISUSE, OK, OUT_OF_MEMORY } from '../status';
import { CUT, DEPTHS, DEPTH_MAX, ENCODED, PHASE_READY, columnOf, phaseOf } from './trees-state';
import { nameAtRank } from './trees-answer';
import {
  CUT_DEPTH, CUT_RANK, CUT_TOTAL, CUT_WORD, cutSize, cutSorted, smallestKept,
} from './trees-cut';
import { copyName, nameAddress, nameLength } from './trees-names';

/** Longest varints of a node (length, self value, children), and what copying a name overruns. */
const VARINT_BYTES: u32 = 5 + 10 + 5 + 8;

/** Writes the first tree, of about `most` nodes (0: all), to the answer; nothing when empty. */
export function treesBytes(trees: usize, most: u32): i32 {
  if (phaseOf(trees) != PHASE_READY) return MISUSE;
  const smallest = smallestKept(trees, 1, most, 0);
  if (!smallest || !cutSorted(trees, smallest, 0) || !countBelow(trees, false)) {
    return OUT_OF_MEMORY;
  }
  const cut = columnOf(trees, CUT);
  const bytes = columnOf(trees, ENCODED);
  bytes.length = 0;
  if (!load<i64>(cut.pointer, CUT_TOTAL)) return OK;
  const end = cut.pointer + <usize>cut.length * cutSize(1);
  for (let node = cut.pointer; node < end; node += cutSize(1)) {
    const name = nameAtRank(trees, load<u32>(node, CUT_RANK));
    const length: u32 = node == cut.pointer ? 0 : nameLength(trees, name);
    if (!reserve(bytes, length + VARINT_BYTES, 0)) return OUT_OF_MEMORY;
    varint(bytes, length);
    copyName(bytes.pointer + bytes.length, nameAddress(trees, name), length);
    bytes.length += length;
    varint(bytes, load<u64>(node, CUT_TOTAL + 8));
    varint(bytes, load<u32>(node, CUT_WORD));
  }
  return OK;
}

/** Appends an unsigned varint; there is room. */
function varint(bytes: Vec, value: u64): void {
  let at = bytes.pointer + bytes.length;
  while (value >= 0x80) {
    store<u8>(at++, <u8>value | 0x80);
    value >>= 7;
  }
  store<u8>(at++, <u8>value);
  bytes.length = <u32>(at - bytes.pointer);
}

/**
 * Counts into the word of each node of a list about one tree: its children, or with `all` the nodes
 * from it on down. From the end, children come before their parent. False without memory.
 */
export function countBelow(trees: usize, all: bool): bool {
  const cut = columnOf(trees, CUT);
  const counts = columnOf(trees, DEPTHS);
  const bytes = (<u64>load<u32>(trees, DEPTH_MAX) + 3) << 2;
  if (!ensure(counts, bytes)) return false;
  memory.fill(counts.pointer, 0, <usize>bytes);
  for (let i = cut.length; i > 0; i--) {
    const node = cut.pointer + <usize>(i - 1) * cutSize(1);
    const level = counts.pointer + (<usize>load<u32>(node, CUT_DEPTH) << 2);
    const below = load<u32>(level, 4) + <u32>all;
    store<u32>(node, below, CUT_WORD);
    store<u32>(level, 0, 4);
    store<u32>(level, load<u32>(level) + (all ? below : 1));
  }
  return true;
}
