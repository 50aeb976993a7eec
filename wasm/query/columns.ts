// The columns of the head module on the same memory, in the order of `store.ts`, and its secret
// keys. Owns nothing and changes no column of a head: they are read in place. A column may move
// whenever the head appends, so no address of its elements outlives a call.
import { VEC_SIZE, Vec, vecAt } from '../memory';

/** Where the head module has its vectors and keys; constants of the instance. */
@external('head', 'columns')
declare const COLUMNS: usize;
@external('head', 'keys')
declare const KEYS: usize;

/** A column by its number. */
@inline export function columnOf(index: usize): Vec {
  return vecAt(COLUMNS + index * VEC_SIZE);
}

/** UTF-8, back to back. */
@inline export function stringBytes(): Vec {
  return columnOf(0);
}

/** One u32 more than there are strings. */
@inline export function stringOffsets(): Vec {
  return columnOf(1);
}

/** Records of layout.ts, like the next three. */
@inline export function functions(): Vec {
  return columnOf(2);
}

/** See `functions`. */
@inline export function mappings(): Vec {
  return columnOf(3);
}

/** See `functions`. */
@inline export function locations(): Vec {
  return columnOf(4);
}

/** See `functions`. */
@inline export function lines(): Vec {
  return columnOf(5);
}

/** Distinct stacks: first frame and depth. */
@inline export function stacks(): Vec {
  return columnOf(6);
}

/** Location ids of the stacks, leaf first. */
@inline export function frames(): Vec {
  return columnOf(7);
}

/** Stack ordinals of the samples. */
@inline export function sampleStacks(): Vec {
  return columnOf(8);
}

/** Values of the samples. */
@inline export function sampleValues(): Vec {
  return columnOf(9);
}

/** Span ids, only for rows with spans. */
@inline export function spanIds(): Vec {
  return columnOf(10);
}

/** Trace ids, parallel to the span ids. */
@inline export function traceIds(): Vec {
  return columnOf(11);
}

/** Records of layout.ts. */
@inline export function rows(): Vec {
  return columnOf(12);
}

/** Secret keys (u64 each) of a set of `hash.ts`; the head may draw new ones between calls. */
@inline export function keysOf(set: u32): usize {
  return KEYS + (<usize>set << 11);
}
