// Walking the frames of stacks from the root, in either module. Frames lie leaf first, so the root
// is the last entry of a stack's range. Owns nothing.

/** The frame with this index from the root, of the stack whose frames end at byte `end`. */
@inline export function frameFromRoot(frames: usize, end: usize, index: u32): u32 {
  return load<u32>(frames + end - (<usize>index << 2) - 4);
}

/** Frames that two stacks share from the root on, at most `most`: neighbours share many. */
export function sharedFrames(frames: usize, end: usize, otherEnd: usize, most: u32): u32 {
  let i: u32 = 0;
  while (i < most && frameFromRoot(frames, end, i) == frameFromRoot(frames, otherEnd, i)) i++;
  return i;
}
