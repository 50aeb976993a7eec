// Sets of 16-byte ids: span ids with a zero half, trace ids. Open addressing under secret keys, at
// most half full. The id zero means "none" in every column: it marks a free slot, and is in no set.
import { KEYS_SCRATCH } from '../hash';
import { Vec } from '../memory';
import { keysOf } from './columns';
import { startZero } from './sums-state';

const SLOTS_MIN: u32 = 8;

function slotOf(low: u64, high: u64, keys: usize): u32 {
  let sum = load<u64>(keys) + (low & 0xffffffff) * load<u64>(keys, 8);
  sum += (low >> 32) * load<u64>(keys, 16);
  sum += (high & 0xffffffff) * load<u64>(keys, 24);
  sum += (high >> 32) * load<u64>(keys, 32);
  return <u32>(sum >> 32);
}

/** The set of `count` ids of `bytes` (8 or 16) bytes each; false without memory. */
export function makeIdSet(set: Vec, ids: usize, count: u32, bytes: usize): bool {
  let slots = SLOTS_MIN;
  while (slots < count << 1) slots <<= 1;
  if (!startZero(set, slots, 4)) return false;
  const keys = keysOf(KEYS_SCRATCH);
  const end = ids + <usize>count * bytes;
  for (let id = ids; id < end; id += bytes) {
    const low = load<u64>(id);
    const high: u64 = bytes == 16 ? load<u64>(id, 8) : 0;
    if (!(low | high)) continue;
    let k = slotOf(low, high, keys) & (slots - 1);
    while (load<u64>(set.pointer + (<usize>k << 4)) | load<u64>(set.pointer + (<usize>k << 4), 8)) {
      k = (k + 1) & (slots - 1);
    }
    store<u64>(set.pointer + (<usize>k << 4), low);
    store<u64>(set.pointer + (<usize>k << 4), high, 8);
  }
  return true;
}

/** True when the id is in the set; never for zero. */
export function hasId(set: Vec, low: u64, high: u64): bool {
  if (!(low | high)) return false;
  const mask = set.length - 1;
  let k = slotOf(low, high, keysOf(KEYS_SCRATCH)) & mask;
  while (true) {
    const slot = set.pointer + (<usize>k << 4);
    const slotLow = load<u64>(slot);
    const slotHigh = load<u64>(slot, 8);
    if (slotLow == low && slotHigh == high) return true;
    if (!(slotLow | slotHigh)) return false;
    k = (k + 1) & mask;
  }
}
