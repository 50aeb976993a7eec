// Names of an answer: numbered at first use, in UTF-8 for the host. Owns the numbering, which
// differs by encoding in who shares the first name with the root.
import { ensure, reserve } from '../memory';
import {
  ANSWER_BYTES, ANSWER_OFFSETS, ANSWER_RANKS, NAME_INDEX, RANKED, columnOf,
} from './trees-state';
import { NAME_TOTAL, append, nameAddress, nameCount, nameLength } from './trees-names';

/** No rank: an answer's first name that is empty. */
export const NAMELESS: u32 = 0xffffffff;

/** The name with a rank. */
@inline export function nameAtRank(trees: usize, rank: u32): u32 {
  return load<u32>(columnOf(trees, RANKED).pointer + (<usize>rank << 2));
}

/**
 * Starts over with the root's name, `total` or none, which frames of rank `shared` have as well.
 * False without memory.
 */
export function startIndex(trees: usize, isNamed: bool, shared: u32): bool {
  const index = columnOf(trees, NAME_INDEX);
  const count = nameCount(trees);
  const ranks = columnOf(trees, ANSWER_RANKS);
  const offsets = columnOf(trees, ANSWER_OFFSETS);
  const bytes = columnOf(trees, ANSWER_BYTES);
  if (
    !ensure(index, <u64>count << 2) || !ensure(ranks, <u64>count << 2) || !ensure(offsets, 64) ||
    !ensure(bytes, 64)
  ) return false;
  memory.fill(index.pointer, 0, <usize>count << 2);
  if (shared < count) store<u32>(index.pointer + (<usize>shared << 2), 1);
  ranks.length = 0;
  bytes.length = 0;
  store<u32>(offsets.pointer, 0);
  offsets.length = 1;
  append(bytes, offsets, nameAddress(trees, NAME_TOTAL), isNamed ? 5 : 0);
  return true;
}

/** Index of a rank's name in the answer. */
@inline export function indexOf(trees: usize, rank: u32): u32 {
  const at = columnOf(trees, NAME_INDEX).pointer + (<usize>rank << 2);
  const index = load<u32>(at);
  return index ? index - 1 : addIndex(trees, at, rank);
}

function addIndex(trees: usize, at: usize, rank: u32): u32 {
  const ranks = columnOf(trees, ANSWER_RANKS);
  store<u32>(ranks.pointer + (<usize>ranks.length << 2), rank);
  ranks.length++;
  store<u32>(at, ranks.length + 1);
  return ranks.length;
}

/** Writes the names that were asked for; false without memory. */
export function writeNames(trees: usize): bool {
  const ranks = columnOf(trees, ANSWER_RANKS);
  const offsets = columnOf(trees, ANSWER_OFFSETS);
  const bytes = columnOf(trees, ANSWER_BYTES);
  if (!reserve(offsets, ranks.length, 2)) return false;
  for (let i: u32 = 0; i < ranks.length; i++) {
    const name = nameAtRank(trees, load<u32>(ranks.pointer + (<usize>i << 2)));
    const length = nameLength(trees, name);
    if (!reserve(bytes, length + 8, 0)) return false;
    append(bytes, offsets, nameAddress(trees, name), length);
  }
  return true;
}

/** Rank of the empty name, NAMELESS when there is none: the first of all. */
export function emptyRank(trees: usize): u32 {
  return nameLength(trees, nameAtRank(trees, 0)) ? NAMELESS : 0;
}
