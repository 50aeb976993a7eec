// The call site: only stacks that begin with these function names count, root first, inlined calls
// included. Owns the mask over the stacks of a head or the nodes of a block, which is made once and
// goes on where a live head has grown; names are compared byte by byte.
import { equalBytes } from '../bytes';
import {
  LINE_SIZE, LOC_LINE_COUNT, LOC_LINE_START, LOC_SIZE, NONE, STACK_DEPTH, STACK_SIZE, STACK_START,
} from '../layout';
import { Vec, ensure, reserve } from '../memory';
import { OK, OUT_OF_MEMORY } from '../status';
import { frames, lines, locations, stacks } from './columns';
import { lineName, stringAddress, stringLength, writeAddressName } from './frame-names';
import {
  CALL_SITE, CALL_SITE_COUNT, INPUT, IS_BLOCK, MASK, PATH, TEXT, columnOf, locationTree, setU32,
  startZero, u32At,
} from './sums-state';

/** Names matched so far, when a frame differs. */
const DIFFERS: u32 = NONE;
/** As an answer of `matchLocation`: there is no memory. */
const NO_MEMORY: u32 = NONE - 1;

/**
 * Takes over a call site from the input: `count` + 1 offsets (u32), then `bytes` bytes. From now on
 * the sums count only what begins with it; call it before anything is added. Answers a status.
 */
export function callSite(sums: usize, count: u32, bytes: u32): i32 {
  const names = columnOf(sums, CALL_SITE);
  const size = (<usize>count + 1 << 2) + bytes;
  if (!ensure(names, size)) return OUT_OF_MEMORY;
  memory.copy(names.pointer, columnOf(sums, INPUT).pointer, size);
  store<u32>(sums, count, CALL_SITE_COUNT);
  columnOf(sums, MASK).length = 0;
  return OK;
}

/** Extends the mask to all stacks or nodes that there are; false without memory. */
export function extendMask(sums: usize): bool {
  if (!load<u32>(sums, CALL_SITE_COUNT)) return true;
  return load<u32>(sums, IS_BLOCK) ? maskNodes(sums) : maskStacks(sums);
}

/** True when the names from `matched` on continue with this one. */
@inline function isNext(sums: usize, matched: u32, p: usize, length: u32): bool {
  const names = columnOf(sums, CALL_SITE).pointer;
  const at = names + (<usize>matched << 2);
  const from = load<u32>(at);
  if (load<u32>(at, 4) - from != length) return false;
  const text = names + (<usize>load<u32>(sums, CALL_SITE_COUNT) + 1 << 2);
  return equalBytes(text + from, p, length);
}

/** Names matched after one more location, DIFFERS, or NO_MEMORY. */
function matchLocation(sums: usize, id: u32, matched: u32): u32 {
  const location = locations().pointer + <usize>id * LOC_SIZE;
  const wanted = load<u32>(sums, CALL_SITE_COUNT);
  const count = load<u32>(location, LOC_LINE_COUNT);
  if (!count) {
    const text = columnOf(sums, TEXT);
    if (!writeAddressName(text, location)) return NO_MEMORY;
    return isNext(sums, matched, text.pointer, text.length) ? matched + 1 : DIFFERS;
  }
  const first = lines().pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
  // Lines lie innermost first: the last one is the outer call.
  for (let line = first + <usize>count * LINE_SIZE; line > first && matched < wanted;) {
    line -= LINE_SIZE;
    const name = lineName(line);
    if (!isNext(sums, matched, stringAddress(name), stringLength(name))) return DIFFERS;
    matched++;
  }
  return matched;
}

function maskStacks(sums: usize): bool {
  const mask = columnOf(sums, MASK);
  const wanted = load<u32>(sums, CALL_SITE_COUNT);
  const length = stacks().length;
  if (length > mask.length && !reserve(mask, length - mask.length, 0)) return false;
  for (let ordinal = mask.length; ordinal < length; ordinal++) {
    const stack = stacks().pointer + <usize>ordinal * STACK_SIZE;
    const start = frames().pointer + (<usize>load<u32>(stack, STACK_START) << 2);
    let frame = start + (<usize>load<u32>(stack, STACK_DEPTH) << 2);
    let matched: u32 = 0;
    while (frame > start && matched < wanted) {
      frame -= 4;
      matched = matchLocation(sums, load<u32>(frame), matched);
    }
    if (matched == NO_MEMORY) return false;
    store<u8>(mask.pointer + ordinal, <u8>(matched == wanted));
    mask.length = ordinal + 1;
  }
  return true;
}

/** One pass, because a parent comes before its children. */
function maskNodes(sums: usize): bool {
  const nodes = locationTree(sums);
  const mask = columnOf(sums, MASK);
  if (mask.length == nodes.length) return true;
  const states = columnOf(sums, PATH);
  if (!startZero(mask, nodes.length, 0) || !startZero(states, nodes.length, 2)) return false;
  const wanted = load<u32>(sums, CALL_SITE_COUNT);
  for (let node: u32 = 0; node < nodes.length; node++) {
    const matched = matchNode(sums, nodes, states, node, wanted);
    if (matched == NO_MEMORY) return false;
    setU32(states, node, matched);
    store<u8>(mask.pointer + node, <u8>(matched == wanted));
  }
  return true;
}

@inline function matchNode(sums: usize, nodes: Vec, states: Vec, node: u32, wanted: u32): u32 {
  const parent = load<u32>(nodes.pointer + (<usize>node << 3));
  const location = load<u32>(nodes.pointer + (<usize>node << 3), 4);
  const matched: u32 = parent == NONE ? 0 : u32At(states, parent);
  // DIFFERS is above any count, and the empty stack has no frame that could match.
  if (matched >= wanted || location == NONE) return matched;
  return matchLocation(sums, location, matched);
}
