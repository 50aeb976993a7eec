// Stacks of the samples at hand. Owns rewriting their frames to the head's location ids and hashing
// each stack, all of them before the first is looked up: then the look-ups' loads overlap.
import { FIRST_KEY, KEYS_END, KEYS_STACKS, fold, hashStart, keysOf } from './hash';
import { keptCount } from './pprof-samples';
import { frameEnds, locationIds, scannedFrames, stackHashes } from './scratch';
import { stackHash } from './stacks';

/** Rewrites the frames to the head's location ids, and hashes each sample's stack on the way. */
export function placeFrames(): void {
  const ids = locationIds.pointer;
  const keys = keysOf(KEYS_STACKS);
  const base = scannedFrames.pointer;
  let p = base;
  for (let i: u32 = 0; i < keptCount; i++) {
    const end = base + (<usize>load<u32>(frameEnds.pointer + (<usize>i << 2)) << 2);
    // The same sum as `stackHash` makes.
    let sum = hashStart(keys, <u32>((end - p) >> 2));
    let key = keys + FIRST_KEY;
    for (; p < end; p += 4) {
      const id = load<u32>(ids + (<usize>load<u32>(p) << 2));
      store<u32>(p, id);
      sum += <u64>id * load<u64>(key);
      key += 8;
      if (key == keys + KEYS_END) {
        sum = fold(sum);
        key = keys + FIRST_KEY;
      }
    }
    store<u64>(stackHashes.pointer + (<usize>i << 3), sum);
  }
}

/** Hashes each sample's stack again, after the keys were drawn anew. */
export function hashStacks(): void {
  let first: u32 = 0;
  for (let i: u32 = 0; i < keptCount; i++) {
    const last = load<u32>(frameEnds.pointer + (<usize>i << 2));
    const hash = stackHash(scannedFrames.pointer + (<usize>first << 2), last - first);
    store<u64>(stackHashes.pointer + (<usize>i << 3), hash);
    first = last;
  }
}
