// Samples of a pprof: frames, values, label group and span of each one that is kept. Owns the
// rules which are left out (a negative value; all values zero; a location that is not there), what
// is kept of a deep stack, and the sums per group and type.
import { clearUnknown, hasUnknown, noteUnknown, unpackIds } from './packed-ids';
import { locationIdMap, positionOf } from './ids';
import {
  findGroup,
  labelCount,
  readLabel,
  spanId,
  startGroups,
  startLabels,
  traceHigh,
  traceLow,
} from './labels';
import { NONE } from './layout';
import { Vec, ensure } from './memory';
import { sampleTypeCount } from './pprof';
import {
  frameEnds,
  groupCounts,
  groupExtents,
  groupTotals,
  sampleExtents,
  sampleGroups,
  sampleSpans,
  sampleTraces,
  scannedFrames,
  scannedValues,
} from './scratch';
import { OK, OUT_OF_MEMORY, VALUE_COUNT, VALUE_SUM, fail, problem } from './status';
import {
  CONTINUE,
  fieldEnd,
  openField,
  packVarint,
  readVarint,
  skipField,
  truncated,
  varintValue,
} from './varint';

export let keptCount: u32 = 0;
export let negativeCount: u32 = 0;
/** Samples left out because a location is not there. */
export let danglingCount: u32 = 0;
/** Kept samples whose stack was cut. */
export let cutStackCount: u32 = 0;
export let depthMax: u32 = 0;
export let sampleLabelsMax: u32 = 0;
/** Whether a kept sample has a group other than the base, and a span or trace id. */
export let hasGroups: bool = false;
export let hasSpans: bool = false;

// ---- the sample at hand
let framesEnd: usize = 0;
let valueCount: u32 = 0;

/** Decodes all samples, keeping `depthLimit` locations of a stack; answers a status. */
export function scanSamples(depthLimit: u32): i32 {
  keptCount = 0;
  negativeCount = 0;
  danglingCount = 0;
  cutStackCount = 0;
  depthMax = 0;
  sampleLabelsMax = 0;
  hasGroups = false;
  hasSpans = false;
  const count = sampleExtents.length;
  const status = startGroups();
  if (status) return status;
  startLabels();
  clearUnknown();
  if (!makeRoom(count)) return fail(OUT_OF_MEMORY);
  const types = sampleTypeCount;
  let firstFrame = scannedFrames.pointer;
  let values = scannedValues.pointer;
  for (let i: u32 = 0; i < count; i++) {
    const p = <usize>load<u32>(sampleExtents.pointer + (<usize>i << 3));
    const end = <usize>load<u32>(sampleExtents.pointer + (<usize>i << 3), 4);
    framesEnd = firstFrame;
    valueCount = 0;
    if (labelCount) startLabels();
    if (!readSample(p, end, values, i)) return problem;
    if (valueCount != types) {
      return fail(VALUE_COUNT, i, (<u64>valueCount << 32) | types);
    }
    const depth = <u32>((framesEnd - firstFrame) >> 2);
    if (depth > depthMax) depthMax = depth;
    let all: u64 = 0;
    const valuesEnd = values + (<usize>types << 3);
    for (let at = values; at < valuesEnd; at += 8) all |= load<u64>(at);
    const isDangling = hasUnknown;
    if (<i64>all <= 0 || isDangling) {
      if (<i64>all < 0) negativeCount++;
      else if (all) danglingCount++;
      if (isDangling) clearUnknown();
      if (labelCount > sampleLabelsMax) sampleLabelsMax = labelCount;
      continue;
    }
    if (depth > depthLimit) {
      // Frames go from the leaf to the root.
      memory.copy(firstFrame, framesEnd - (depthLimit << 2), depthLimit << 2);
      framesEnd = firstFrame + (depthLimit << 2);
      cutStackCount++;
    }
    if (labelCount || hasGroups || hasSpans) {
      const status = noteLabels();
      if (status) return status;
    }
    values = valuesEnd;
    firstFrame = framesEnd;
    const ends = <u32>((framesEnd - scannedFrames.pointer) >> 2);
    store<u32>(frameEnds.pointer + (<usize>keptCount << 2), ends);
    keptCount++;
  }
  scannedFrames.length = <u32>((firstFrame - scannedFrames.pointer) >> 2);
  return sumValues();
}

/** Room for all samples at once, by what their bytes can hold at most. */
function makeRoom(count: u32): bool {
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = sampleExtents.pointer + (<usize>i << 3);
    bytes += load<u32>(at, 4) - load<u32>(at);
  }
  // A frame and a value take at least a byte each; 8 frames are written ahead. A sample with fewer
  // values than there are types ends the scan, so values are never ahead of bytes by more.
  const values = min<u64>(<u64>count * sampleTypeCount, bytes + sampleTypeCount);
  return (
    ensure(frameEnds, <u64>count << 2) &&
    ensure(scannedFrames, (bytes + 8) << 2) &&
    ensure(scannedValues, values << 3)
  );
}

/** Reads one sample; false when it is refused, with `problem` set. */
@inline function readSample(p: usize, end: usize, values: usize, sample: u32): bool {
  while (p < end) {
    let tag = <u64>load<u8>(p);
    if (tag < 0x80) p++;
    else {
      p = readVarint(p);
      tag = varintValue;
    }
    if (tag == 10 || tag == 18 || tag == 26) {
      let fieldStop: usize;
      const length = <usize>load<u8>(p);
      if (length < 0x80) {
        p++;
        fieldStop = p + length;
        if (fieldStop > end) {
          truncated(end);
          return false;
        }
      } else {
        p = openField(p, end);
        if (!p) return false;
        fieldStop = fieldEnd;
      }
      if (tag == 10) {
        framesEnd = unpackIds(p, fieldStop, framesEnd);
        if (!framesEnd) return false;
      } else if (tag == 18) {
        if (!readValues(p, fieldStop, values)) return false;
      } else if (readLabel(p, fieldStop, sample)) return false;
      p = fieldStop;
    } else {
      p = skipField(p, tag, end);
      if (!p) return false;
      if (tag == 8) readFrame(varintValue);
      if (tag == 16) {
        if (valueCount < sampleTypeCount) {
          store<u64>(values + (<usize>valueCount << 3), varintValue);
        }
        valueCount++;
      }
    }
  }
  return true;
}

function readFrame(id: u64): void {
  const position = positionOf(locationIdMap, id);
  if (position == NONE) noteUnknown();
  store<u32>(framesEnd, position);
  framesEnd += 4;
}

/** Reads values up to `end`; those past the number of types are counted only. */
@inline function readValues(p: usize, end: usize, values: usize): bool {
  let count = valueCount;
  const types = sampleTypeCount;
  while (p < end) {
    const w = load<u64>(p);
    let value = w & 0x7f;
    if (!(w & 0x80)) p++;
    else {
      const stop = ~w & CONTINUE;
      if (stop) {
        const bits = ctz<u64>(stop) + 1;
        value = packVarint(w, bits);
        p += <usize>(bits >> 3);
      } else {
        p = readVarint(p);
        value = varintValue;
      }
    }
    if (count < types) store<u64>(values + (<usize>count << 3), value);
    count++;
  }
  valueCount = count;
  if (p == end) return true;
  truncated(end);
  return false;
}

/** Notes group and spans of the sample at hand, which is kept; answers a status. */
function noteLabels(): i32 {
  if (labelCount > sampleLabelsMax) sampleLabelsMax = labelCount;
  const group = labelCount ? findGroup() : 0;
  if (group < 0) return group;
  if ((group || hasGroups) && !noteGroup(group)) return fail(OUT_OF_MEMORY);
  const hasSpan = (spanId | traceLow | traceHigh) != 0;
  if ((hasSpan || hasSpans) && !noteSpan()) return fail(OUT_OF_MEMORY);
  return OK;
}

/** Counts and adds up the kept values by group and type; refuses sums that pass 2^63-1. */
function sumValues(): i32 {
  const types = sampleTypeCount;
  const entries = <u64>groupExtents.length * types;
  if (!ensure(groupCounts, entries << 2) || !ensure(groupTotals, entries << 3)) {
    return fail(OUT_OF_MEMORY);
  }
  memory.fill(groupCounts.pointer, 0, <usize>entries << 2);
  memory.fill(groupTotals.pointer, 0, <usize>entries << 3);
  for (let type: u32 = 0; type < types; type++) {
    let at = scannedValues.pointer + (<usize>type << 3);
    let sum: u64 = 0;
    let over: u64 = 0;
    let count: u32 = 0;
    for (let i: u32 = 0; i < keptCount; i++) {
      const value = load<u64>(at);
      at += <usize>types << 3;
      // No value has its high bit set, so a sum cannot pass 2^64 without passing through it.
      sum += value;
      over |= sum;
      count += <u32>(value != 0);
    }
    if (<i64>over < 0) return fail(VALUE_SUM, type);
    store<u32>(groupCounts.pointer + (<usize>type << 2), count);
    store<u64>(groupTotals.pointer + (<usize>type << 3), sum);
  }
  if (hasGroups) splitSums(types);
  return OK;
}

/** Moves what the base group's sums have of other groups to those. */
function splitSums(types: u32): void {
  let value = scannedValues.pointer;
  for (let i: u32 = 0; i < keptCount; i++) {
    const group = load<u32>(sampleGroups.pointer + (<usize>i << 2));
    for (let type: u32 = 0; type < types; type++, value += 8) {
      const one = load<u64>(value);
      if (!group || !one) continue;
      moveCount(type, group * types + type);
      moveTotal(type, group * types + type, one);
    }
  }
}

@inline function moveCount(from: u32, to: u32): void {
  const source = groupCounts.pointer + (<usize>from << 2);
  const target = groupCounts.pointer + (<usize>to << 2);
  store<u32>(source, load<u32>(source) - 1);
  store<u32>(target, load<u32>(target) + 1);
}

@inline function moveTotal(from: u32, to: u32, value: u64): void {
  const source = groupTotals.pointer + (<usize>from << 3);
  const target = groupTotals.pointer + (<usize>to << 3);
  store<u64>(source, load<u64>(source) - value);
  store<u64>(target, load<u64>(target) + value);
}

/** Room in a column that begins at its first use: the samples before get zeros. */
function openColumn(v: Vec, bytes: u32): bool {
  if (!ensure(v, <u64>sampleExtents.length * bytes)) return false;
  memory.fill(v.pointer, 0, <usize>keptCount * bytes);
  return true;
}

function noteGroup(group: u32): bool {
  if (!hasGroups && !openColumn(sampleGroups, 4)) return false;
  hasGroups = true;
  store<u32>(sampleGroups.pointer + (<usize>keptCount << 2), group);
  return true;
}

function noteSpan(): bool {
  if (!hasSpans) {
    if (!openColumn(sampleSpans, 8) || !openColumn(sampleTraces, 16)) return false;
    hasSpans = true;
  }
  store<u64>(sampleSpans.pointer + (<usize>keptCount << 3), spanId);
  const trace = sampleTraces.pointer + (<usize>keptCount << 4);
  store<u64>(trace, traceLow);
  store<u64>(trace, traceHigh, 8);
  return true;
}
