// Labels of samples: span and trace ids, and the groups that all other string labels make. Owns
// reading a sample's labels and finding or adding its group; a group is a set of (key, value)
// string indexes of the profile.
import { equalBytes } from './bytes';
import { KEYS_SCRATCH, hashOf, keysOf, sumWords } from './hash';
import { GROUPS_MAX, SAMPLE_LABELS_MAX } from './layout';
import { ensure, release, reserve } from './memory';
import { badString } from './pprof';
import {
  groupExtents,
  groupPairs,
  hostSpace,
  labelPairs,
  labelSortSpace,
  stringExtents,
} from './scratch';
import { GROUPS, OK, OUT_OF_MEMORY, SAMPLE_LABELS, fail, problem } from './status';
import { insertSlot, Table, reserveSlots } from './table';
import { readVarint, skipField, truncated, varintValue } from './varint';

const groupTable = changetype<Table>(memory.data(16, 4));

// ---- the sample at hand
/** String labels as sent. */
export let labelCount: u32 = 0;
export let spanId: u64 = 0;
export let traceLow: u64 = 0;
export let traceHigh: u64 = 0;
/** The group found last: consecutive samples mostly share theirs. */
let lastGroup: u32 = 0;

/** How many labels make no groups: the keys at the start of `hostSpace`; `IGNORE_ALL` for all. */
let ignoredCount: u32 = 0;
export const IGNORE_ALL: u32 = 0xffffffff;

/** Room for the string indexes (u32) of keys to ignore; its address, or a status. */
export function ignoredReserve(count: u32): i32 {
  return ensure(hostSpace, <u64>count << 2) ? <i32>hostSpace.pointer : fail(OUT_OF_MEMORY);
}

/** Sets how many keys the scan ignores. */
export function setIgnored(count: u32): void {
  ignoredCount = count;
}

function isIgnored(key: u32): bool {
  if (ignoredCount == IGNORE_ALL) return true;
  for (let i: u32 = 0; i < ignoredCount; i++) {
    if (load<u32>(hostSpace.pointer + (<usize>i << 2)) == key) return true;
  }
  return false;
}

/** Forgets the groups of the last profile; the base group is there from the start. */
export function startGroups(): i32 {
  groupExtents.length = 1;
  groupPairs.length = 0;
  lastGroup = 0;
  if (!ensure(groupExtents, 8)) return fail(OUT_OF_MEMORY);
  store<u64>(groupExtents.pointer, 0);
  if (groupTable.count) {
    memory.fill(groupTable.pointer, 0, (<usize>groupTable.mask + 1) << 3);
    groupTable.count = 0;
  }
  return OK;
}

/** Forgets the labels of the last sample. */
@inline export function startLabels(): void {
  labelPairs.length = 0;
  labelCount = 0;
  spanId = 0;
  traceLow = 0;
  traceHigh = 0;
}

/** Reads one label message of the sample at hand. */
export function readLabel(p: usize, end: usize, sample: u32): i32 {
  const strings = <u64>stringExtents.length;
  let key: u64 = 0, value: u64 = 0, unit: u64 = 0;
  while (p < end) {
    const w = load<u64>(p);
    let tag = w & 0x7f;
    let field = (w >> 8) & 0x7f;
    if ((w & 0x8087) || !tag) {
      p = readVarint(p);
      tag = varintValue;
      p = skipField(p, tag, end);
      if (!p) return problem;
      field = varintValue;
    } else {
      p += 2;
    }
    if (tag == 8) key = field;
    else if (tag == 16) value = field;
    else if (tag == 32) unit = field;
  }
  if (p != end) return truncated(end);
  if (key >= strings) return badString(key);
  if (value >= strings) return badString(value);
  if (unit >= strings) return badString(unit);
  if (!value) return OK;
  labelCount++;
  if (labelCount > SAMPLE_LABELS_MAX) return fail(SAMPLE_LABELS, sample, SAMPLE_LABELS_MAX);
  return takeLabel(<u32>key, <u32>value);
}

function takeLabel(key: u32, value: u32): i32 {
  const keyAt = stringExtents.pointer + (<usize>key << 3);
  const valueAt = stringExtents.pointer + (<usize>value << 3);
  const name = <usize>load<u32>(keyAt);
  const nameBytes = load<u32>(keyAt, 4) - <u32>name;
  const text = <usize>load<u32>(valueAt);
  const textBytes = load<u32>(valueAt, 4) - <u32>text;
  if (isSpanName(name, nameBytes)) {
    if (textBytes == 16) readSpan(text);
    return OK;
  }
  // "trace_id", little-endian.
  if (nameBytes == 8 && load<u64>(name) == 0x64695f6563617274) {
    if (textBytes == 32) readTrace(text);
    return OK;
  }
  if (!nameBytes || !textBytes || (ignoredCount && isIgnored(key))) return OK;
  if (!reserve(labelPairs, 1, 3)) return fail(OUT_OF_MEMORY);
  // The key is the high half, so that pairs sort by it as one number.
  store<u64>(
    labelPairs.pointer + (<usize>labelPairs.length << 3),
    <u64>value | (<u64>key << 32),
  );
  labelPairs.length++;
  return OK;
}

/** "span_id", or "profile_id", which older clients send for it. */
@inline function isSpanName(name: usize, bytes: u32): bool {
  // "span" and "n_id" overlap by one byte; "profile_" and "id" do not.
  if (bytes == 7) return load<u32>(name) == 0x6e617073 && load<u32>(name, 3) == 0x64695f6e;
  return (
    bytes == 10 && load<u64>(name) == 0x5f656c69666f7270 && load<u16>(name, 8) == 0x6469
  );
}

let hexValue: u64 = 0;

/** Reads 16 hex digits, most significant first, into `hexValue`; false when one is not. */
function readHex(p: usize): bool {
  let value: u64 = 0;
  for (let i: usize = 0; i < 16; i++) {
    const c = <u32>load<u8>(p + i);
    let digit = c - 0x30;
    if (digit > 9) {
      digit = (c | 0x20) - 0x61 + 10;
      if (digit < 10 || digit > 15) return false;
    }
    value = (value << 4) | <u64>digit;
  }
  hexValue = value;
  return true;
}

function readSpan(p: usize): void {
  if (readHex(p)) spanId = hexValue;
}

function readTrace(p: usize): void {
  if (!readHex(p)) return;
  const first = hexValue;
  if (!readHex(p + 16)) return;
  traceLow = bswap<u64>(first);
  traceHigh = bswap<u64>(hexValue);
}

/** The group of the sample at hand, added when it is new; negative: a status. */
export function findGroup(): i32 {
  if (!labelPairs.length) return 0;
  const status = sortPairs();
  if (status) return status;
  const count = labelPairs.length;
  if (isGroup(lastGroup, count)) return lastGroup;
  const hash = hashOf(sumWords(labelPairs.pointer, count << 1, keysOf(KEYS_SCRATCH)));
  if (groupTable.pointer) {
    const mask = groupTable.mask;
    let k = hash & mask;
    while (true) {
      const slot = load<u64>(groupTable.pointer + (<usize>k << 3));
      if (!slot) break;
      const group = <u32>(slot >> 32) - 1;
      if (<u32>slot == hash && isGroup(group, count)) {
        lastGroup = group;
        return group;
      }
      k = (k + 1) & mask;
    }
  }
  return addGroup(hash, count);
}

function isGroup(group: u32, count: u32): bool {
  const at = groupExtents.pointer + (<usize>group << 3);
  const first = load<u32>(at);
  return (
    load<u32>(at, 4) - first == count &&
    equalBytes(groupPairs.pointer + (<usize>first << 3), labelPairs.pointer, count << 3)
  );
}

function addGroup(hash: u32, count: u32): i32 {
  const group = groupExtents.length;
  if (group >= GROUPS_MAX) return fail(GROUPS, group + 1, GROUPS_MAX);
  if (
    !reserve(groupExtents, 1, 3) ||
    !reserve(groupPairs, count, 3) ||
    !reserveSlots(groupTable, 1, 3)
  ) return fail(OUT_OF_MEMORY);
  const at = groupExtents.pointer + (<usize>group << 3);
  store<u32>(at, groupPairs.length);
  store<u32>(at, groupPairs.length + count, 4);
  const to = groupPairs.pointer + (<usize>groupPairs.length << 3);
  memory.copy(to, labelPairs.pointer, <usize>count << 3);
  groupPairs.length += count;
  groupExtents.length++;
  insertSlot(groupTable, hash, group, 3);
  lastGroup = group;
  return group;
}

/** Sorts the pairs by key, keeping of each key the first as sent. */
function sortPairs(): i32 {
  const count = labelPairs.length;
  if (isSorted(count)) return OK;
  if (!ensure(labelSortSpace, <u64>count << 3)) return fail(OUT_OF_MEMORY);
  let from = labelPairs.pointer;
  let to = labelSortSpace.pointer;
  for (let width: u32 = 1; width < count; width <<= 1) {
    for (let at: u32 = 0; at < count; at += width << 1) mergeRuns(from, to, at, width, count);
    const swap = from;
    from = to;
    to = swap;
  }
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u64>(from + (<usize>i << 3));
    const last = labelPairs.pointer + (<usize>kept << 3) - 8;
    if (kept && load<u32>(last, 4) == <u32>(pair >> 32)) continue;
    store<u64>(last, pair, 8);
    kept++;
  }
  labelPairs.length = kept;
  return OK;
}

/** True when the keys ascend and none comes twice: most producers write them so. */
function isSorted(count: u32): bool {
  let last = labelPairs.pointer;
  const end = last + (<usize>count << 3);
  for (let at = last + 8; at < end; last = at, at += 8) {
    if (load<u32>(at, 4) <= load<u32>(last, 4)) return false;
  }
  return true;
}

/** Merges two sorted runs of `width` pairs; equal keys stay in order. */
function mergeRuns(from: usize, to: usize, at: u32, width: u32, count: u32): void {
  let left = at;
  const middle = min<u32>(at + width, count);
  let right = middle;
  const end = min<u32>(at + (width << 1), count);
  for (let k = at; k < end; k++) {
    const isLeft =
      left < middle &&
      (right >= end ||
        load<u32>(from + (<usize>left << 3), 4) <= load<u32>(from + (<usize>right << 3), 4));
    const pick = isLeft ? left++ : right++;
    store<u64>(to + (<usize>k << 3), load<u64>(from + (<usize>pick << 3)));
  }
}

/** Forgets the groups' table, for a trim: its memory goes back to the free lists. */
export function dropGroupTable(): void {
  if (groupTable.pointer) release(groupTable.pointer, (<usize>groupTable.mask + 1) << 3);
  groupTable.pointer = 0;
  groupTable.mask = 0;
  groupTable.count = 0;
}
