// Truncation of a pprof: totals of the nodes, and the smallest total that is kept when only so many
// nodes may be. Ties are kept, so that more may remain. Owns nothing of what is left out; that is
// added up where nodes are numbered.
import { NONE } from '../layout';
import { allocate, ensure, release } from '../memory';
import { labelOf, parentOf } from '../tree';
import { NODES_MAX, NODE_TOTALS, OTHERS, TOTAL_MIN, stackNodes, stackValues } from './pprof-state';
import { MAP, addAt, columnOf, i64At, startZero, u32At } from './sums-state';

/** Digits of a total that are counted at a time. */
const DIGIT_BITS: u32 = 11;
const DIGITS_BYTES: usize = 4 << 11;

/** Sets TOTAL_MIN for the nodes that MAP has marked as used; false without memory. */
export function startCut(sums: usize): bool {
  store<i64>(sums, 0, TOTAL_MIN);
  const most = load<u32>(sums, NODES_MAX);
  const nodes = stackNodes(sums);
  const map = columnOf(sums, MAP);
  if (!most) return true;
  let count: u32 = 0;
  // The empty stack has no frame that could be left out.
  for (let node: u32 = 0; node < nodes.length; node++) {
    count += <u32>(u32At(map, node) && labelOf(nodes, node) != NONE);
  }
  if (count <= most) return true;
  if (!startZero(columnOf(sums, OTHERS), nodes.length, 3) || !addUp(sums)) return false;
  return findSmallest(sums, most);
}

function addUp(sums: usize): bool {
  const nodes = stackNodes(sums);
  const totals = columnOf(sums, NODE_TOTALS);
  const bytes = <usize>nodes.length << 3;
  if (!ensure(totals, bytes)) return false;
  totals.length = nodes.length;
  memory.copy(totals.pointer, stackValues(sums).pointer, bytes);
  for (let node = nodes.length; node > 0;) {
    node--;
    const parent = parentOf(nodes, node);
    if (parent != NONE) addAt(totals, parent, i64At(totals, node));
  }
  return true;
}

/** Finds the `most`-th largest total, digit by digit; false without memory. */
function findSmallest(sums: usize, most: u32): bool {
  const digits = allocate(DIGITS_BYTES);
  if (!digits) return false;
  // The wanted one lies in `low … low + 2^shift - 1`, and `most` counts from the top of that range.
  let low: u64 = 0;
  let shift: u32 = 63;
  while (shift) {
    const bits = min(shift, DIGIT_BITS);
    shift -= bits;
    countDigits(sums, low, shift, digits, bits);
    let digit = digits + (<usize>4 << bits) - 4;
    while (load<u32>(digit) < most) {
      most -= load<u32>(digit);
      digit -= 4;
    }
    low += <u64>((digit - digits) >> 2) << shift;
  }
  release(digits, DIGITS_BYTES);
  store<i64>(sums, <i64>low, TOTAL_MIN);
  return true;
}

function countDigits(sums: usize, low: u64, shift: u32, digits: usize, bits: u32): void {
  memory.fill(digits, 0, DIGITS_BYTES);
  const nodes = stackNodes(sums);
  const map = columnOf(sums, MAP);
  const totals = columnOf(sums, NODE_TOTALS);
  for (let node: u32 = 0; node < nodes.length; node++) {
    if (!u32At(map, node) || labelOf(nodes, node) == NONE) continue;
    // What is below the range wraps to beyond its digits.
    const digit = (<u64>i64At(totals, node) - low) >> shift;
    if (digit >= <u64>1 << bits) continue;
    const at = digits + (<usize>digit << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
}
