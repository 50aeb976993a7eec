// Sorting of u64 items by their high 32 bits; the low 32 bits ride along. Owns nothing but a
// histogram: the caller brings both buffers. Stable, so that several keys can be sorted one
// after the other, the least important first.

/** Up to here an insertion sort beats clearing and scanning the places. */
const INSERTION_MAX: u32 = 32;
/** Places by digit, a byte of the key. */
const PLACES: usize = memory.data(256 * 4, 16);
const PLACES_SIZE: usize = 1024;

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

@inline function placeOf(item: usize, byte: usize): usize {
  return PLACES + (<usize>load<u8>(item + 4 + byte) << 2);
}

/** Finds each digit's first place; false when one digit has all items: nothing to move. */
function findPlaces(items: usize, end: usize, byte: usize): bool {
  memory.fill(PLACES, 0, PLACES_SIZE);
  for (let at = items; at < end; at += 8) {
    const place = placeOf(at, byte);
    store<u32>(place, load<u32>(place) + 1);
  }
  if (load<u32>(placeOf(items, byte)) == <u32>((end - items) >> 3)) return false;
  let first: u32 = 0;
  for (let place = PLACES; place < PLACES + PLACES_SIZE; place += 4) {
    const count = load<u32>(place);
    store<u32>(place, first);
    first += count;
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
  for (let byte: usize = 0; byte < 4; byte++) {
    const end = items + (<usize>count << 3);
    if (!findPlaces(items, end, byte)) continue;
    for (let at = items; at < end; at += 8) {
      const slot = placeOf(at, byte);
      const place = load<u32>(slot);
      store<u32>(slot, place + 1);
      store<u64>(spare + (<usize>place << 3), load<u64>(at));
    }
    const swap = items;
    items = spare;
    spare = swap;
  }
  return items;
}
