// Sorting of u64 items by their high 32 bits; the low 32 bits ride along. Owns nothing but a
// histogram: the caller brings both buffers. Stable, so that several keys can be sorted one
// after the other, the least important first.

/** Below this an insertion sort beats clearing and scanning the histograms. */
const INSERTION_MAX: u32 = 32;
const DIGITS: usize = 256;
/** One histogram for each byte of the key. */
const HISTOGRAMS: usize = memory.data(4 * 256 * 4, 16);

function insertionSort(items: usize, count: u32): void {
  const end = items + (<usize>count << 3);
  for (let at = items + 8; at < end; at += 8) {
    const item = load<u64>(at);
    const key = item >> 32;
    let hole = at;
    while (hole > items && load<u64>(hole - 8) >> 32 > key) {
      store<u64>(hole, load<u64>(hole - 8));
      hole -= 8;
    }
    store<u64>(hole, item);
  }
}

/** Counts all four bytes in one pass; true when the items are in order already. */
function countDigits(items: usize, end: usize): bool {
  memory.fill(HISTOGRAMS, 0, 4 * DIGITS * 4);
  let last: u64 = 0;
  let disorder: bool = false;
  for (let at = items; at < end; at += 8) {
    const key = load<u64>(at) >> 32;
    disorder = disorder | (key < last);
    last = key;
    for (let byte: usize = 0; byte < 4; byte++) {
      const digit = <usize>((key >> (<u64>byte << 3)) & 0xff);
      const slot = HISTOGRAMS + (((byte << 8) + digit) << 2);
      store<u32>(slot, load<u32>(slot) + 1);
    }
  }
  return !disorder;
}

/** Turns counts into first places; false when one digit holds every item: nothing to move. */
function placeDigits(histogram: usize, count: u32): bool {
  let place: u32 = 0;
  for (let slot = histogram; slot < histogram + (DIGITS << 2); slot += 4) {
    const n = load<u32>(slot);
    if (n == count) return false;
    store<u32>(slot, place);
    place += n;
  }
  return true;
}

/**
 * Sorts `count` items ascending by their high 32 bits, equal ones in the order they came.
 * Answers where they are then: `items` or `spare`, which must have room for as many.
 */
export function sortByHigh(items: usize, spare: usize, count: u32): usize {
  if (count <= INSERTION_MAX) {
    insertionSort(items, count);
    return items;
  }
  if (countDigits(items, items + (<usize>count << 3))) return items;
  for (let byte: u64 = 0; byte < 4; byte++) {
    const histogram = HISTOGRAMS + (<usize>byte << 10);
    if (!placeDigits(histogram, count)) continue;
    const shift = 32 + (byte << 3);
    const end = items + (<usize>count << 3);
    for (let at = items; at < end; at += 8) {
      const item = load<u64>(at);
      const slot = histogram + (<usize>((item >> shift) & 0xff) << 2);
      const place = load<u32>(slot);
      store<u32>(slot, place + 1);
      store<u64>(spare + (<usize>place << 3), item);
    }
    const swap = items;
    items = spare;
    spare = swap;
  }
  return items;
}
