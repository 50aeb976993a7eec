// The call tree of one of the merged trees for reports: columns by node, depth first, siblings in
// order of their names. The cut list has them the other way round, so each subtree is placed at the
// end of the room that its parent's has left.
import { ensure } from '../memory';
import { MISUSE, OK, OUT_OF_MEMORY } from '../status';
import {
  CUT, DEPTHS, DEPTH_MAX, PHASE_READY, VALUES, WORDS, columnOf, phaseOf, sidesOf,
} from './trees-state';
import { emptyRank, indexOf, startIndex, writeNames } from './trees-answer';
import { countBelow } from './trees-bytes';
import {
  CUT_DEPTH, CUT_RANK, CUT_TOTAL, CUT_WORD, cutSize, cutSorted, smallestKept,
} from './trees-cut';

/** By depth: the last node there · where the room of the next one ends (u32). */
const LEVEL_SIZE: usize = 8;

/** Tree `side`, of about `most` nodes (0: all), in the answer's values, words and names. */
export function treesCalls(trees: usize, side: u32, most: u32): i32 {
  if (phaseOf(trees) != PHASE_READY || side >= sidesOf(trees)) return MISUSE;
  const smallest = smallestKept(trees, 1, most, side);
  if (!smallest || !cutSorted(trees, smallest, side)) return OUT_OF_MEMORY;
  const cut = columnOf(trees, CUT);
  const values = columnOf(trees, VALUES);
  const words = columnOf(trees, WORDS);
  if (
    !countBelow(trees, true) || !startIndex(trees, false, emptyRank(trees)) ||
    !ensure(values, <u64>cut.length << 4) || !ensure(words, <u64>cut.length << 3) ||
    !ensure(columnOf(trees, DEPTHS), (<u64>load<u32>(trees, DEPTH_MAX) + 3) * LEVEL_SIZE)
  ) return OUT_OF_MEMORY;
  values.length = cut.length << 1;
  words.length = cut.length << 1;
  store<u32>(columnOf(trees, DEPTHS).pointer, cut.length, 4);
  const end = cut.pointer + <usize>cut.length * cutSize(1);
  for (let node = cut.pointer; node < end; node += cutSize(1)) writeNode(trees, node);
  return writeNames(trees) ? OK : OUT_OF_MEMORY;
}

function writeNode(trees: usize, node: usize): void {
  const count = <usize>columnOf(trees, CUT).length;
  const depth = load<u32>(node, CUT_DEPTH);
  const level = columnOf(trees, DEPTHS).pointer + <usize>depth * LEVEL_SIZE;
  const end = load<u32>(level, 4);
  const index = end - load<u32>(node, CUT_WORD);
  store<u32>(level, index);
  store<u32>(level, index, 4);
  store<u32>(level + LEVEL_SIZE, end, 4);
  const word = columnOf(trees, WORDS).pointer + (<usize>index << 2);
  const value = columnOf(trees, VALUES).pointer + (<usize>index << 3);
  store<u32>(word, depth ? load<u32>(level - LEVEL_SIZE) : 0);
  store<u32>(word + (count << 2), depth ? indexOf(trees, load<u32>(node, CUT_RANK)) : 0);
  store<i64>(value, load<i64>(node, CUT_TOTAL + 8));
  store<i64>(value + (count << 3), load<i64>(node, CUT_TOTAL));
}
