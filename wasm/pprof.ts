// The outer message of a pprof: where each inner message and string lies, and the scalars. Owns
// the first of the scan's passes, and cutting strings; tables and samples follow, because they
// need the string count and each other's ids, whatever order the sender chose.
// https://github.com/google/pprof/blob/main/proto/profile.proto
import { COMMENTS_MAX, SAMPLE_TYPES_MAX } from './layout';
import { Vec, reserve } from './memory';
import {
  commentStrings,
  functionExtents,
  locationExtents,
  mappingExtents,
  sampleExtents,
  stringExtents,
} from './scratch';
import {
  COMMENTS,
  FIRST_STRING,
  NO_SAMPLE_TYPES,
  NO_STRINGS,
  OK,
  OUT_OF_MEMORY,
  SAMPLE_TYPES,
  STRING_INDEX,
  fail,
  problem,
} from './status';
import { fieldEnd, openField, readVarint, skipField, truncated, varintValue } from './varint';

// ---- scalars of the profile, as they were sent
export let timeNs: u64 = 0;
export let durationNs: u64 = 0;
export let period: u64 = 0;
export let dropFrames: u64 = 0;
export let keepFrames: u64 = 0;
export let defaultType: u64 = 0;
export let hasPeriodType: bool = false;

/** Bytes of a string that are kept. */
let stringBytesMax: u32 = 0;
/** Whether a message or string is so long that its length takes three bytes or more. */
let hasLong: bool = false;
/** The least of those lengths. */
const LONG_BYTES: u32 = 16384;
/** Strings that were cut to what is kept of them. */
export let cutStringCount: u32 = 0;

/** The period type, then the sample types: string indexes of type and unit, u64 each. */
const VALUE_TYPES: usize = memory.data(65 * 16, 8);
export let sampleTypeCount: u32 = 0;

/** Where the string indexes of period type and sample types are. */
export function valueTypesPointer(): usize {
  return VALUE_TYPES;
}

function clear(): void {
  timeNs = 0;
  durationNs = 0;
  period = 0;
  dropFrames = 0;
  keepFrames = 0;
  defaultType = 0;
  hasPeriodType = false;
  cutStringCount = 0;
  hasLong = false;
  sampleTypeCount = 0;
  memory.fill(VALUE_TYPES, 0, 65 * 16);
  sampleExtents.length = 0;
  mappingExtents.length = 0;
  locationExtents.length = 0;
  functionExtents.length = 0;
  stringExtents.length = 0;
  commentStrings.length = 0;
}

/** Reads the outer message, keeping `stringMax` bytes of a string; answers a status. */
export function scanProfile(start: usize, end: usize, stringMax: u32): i32 {
  clear();
  stringBytesMax = stringMax;
  let p = start;
  while (p < end) {
    const first = <u32>load<u8>(p);
    const column = columnOf(first >> 3);
    if (column && (first & 0x87) == 2) {
      p = noteRun(column, p, end, first);
      if (!p) return problem;
      continue;
    }
    p = readVarint(p);
    const tag = varintValue;
    if ((tag & 7) == 2 && tag > 7 && tag < 0x100000000) {
      p = openField(p, end);
      if (!p) return problem;
      const status = takeMessage(<u32>tag >> 3, p, fieldEnd);
      if (status) return status;
      p = fieldEnd;
    } else {
      p = skipField(p, tag, end);
      if (!p) return problem;
      const status = tag & 7 ? OK : takeScalar(<u32>tag >> 3);
      if (status) return status;
    }
  }
  if (hasLong || stringMax < LONG_BYTES) cutStrings();
  return OK;
}

/** Keeps the end of strings that are too long: a path's file, a name's last part. */
function cutStrings(): void {
  for (let i: u32 = 1; i < stringExtents.length; i++) {
    const at = stringExtents.pointer + (<usize>i << 3);
    const end = load<u32>(at, 4);
    if (end - load<u32>(at) <= stringBytesMax) continue;
    let from = end - stringBytesMax;
    // Not amid a character, which has three bytes at most behind its first, and not past the end:
    // a log record may ask for fewer bytes than the limit of any push.
    for (let n = 0; n < 3 && from < end && (load<u8>(from) & 0xc0) == 0x80; n++) from++;
    store<u32>(at, from);
    cutStringCount++;
  }
}

/** Where the extents of a repeated message are noted. */
@inline function columnOf(field: u32): Vec | null {
  if (field == 2) return sampleExtents;
  if (field == 6) return stringExtents;
  if (field == 4) return locationExtents;
  if (field == 5) return functionExtents;
  return field == 3 ? mappingExtents : null;
}

/** Notes messages for as long as their one-byte tag repeats; answers where it ends, 0: refused. */
function noteRun(v: Vec, p: usize, end: usize, tag: u32): usize {
  let at = v.pointer + (<usize>v.length << 3);
  let room = v.pointer + v.capacity;
  while (p < end && load<u8>(p) == <u8>tag) {
    const w = <u32>load<u16>(p, 1);
    let from = p + 2;
    let to = from + (w & 0x7f);
    if (w & 0x80) {
      if (w & 0x8000) {
        from = openField(p + 1, end);
        if (!from) return 0;
        to = fieldEnd;
        hasLong = true;
      } else {
        from++;
        to = from + ((w & 0x7f) | ((w >> 1) & 0x3f80));
      }
    }
    if (to > end) {
      truncated(end);
      return 0;
    }
    if (at == room) {
      v.length = <u32>((at - v.pointer) >> 3);
      if (!reserve(v, 1, 3)) {
        fail(OUT_OF_MEMORY);
        return 0;
      }
      at = v.pointer + (<usize>v.length << 3);
      room = v.pointer + v.capacity;
    }
    store<u64>(at, <u64>from | (<u64>to << 32));
    at += 8;
    p = to;
  }
  v.length = <u32>((at - v.pointer) >> 3);
  return p;
}

function takeMessage(field: u32, p: usize, end: usize): i32 {
  const column = columnOf(field);
  if (!column) return takeRareMessage(field, p, end);
  // Its tag took more bytes than it needs.
  if (!reserve(column, 1, 3)) return fail(OUT_OF_MEMORY);
  store<u64>(column.pointer + (<usize>column.length << 3), <u64>p | (<u64>end << 32));
  column.length++;
  hasLong = true;
  return OK;
}

function takeRareMessage(field: u32, p: usize, end: usize): i32 {
  if (field == 1) {
    sampleTypeCount++;
    // Counted on, so that the refusal names how many there are.
    if (sampleTypeCount > SAMPLE_TYPES_MAX) return OK;
    return scanValueType(sampleTypeCount, p, end);
  }
  if (field == 11) {
    // A message sent in several parts is their merge: later scalars win.
    hasPeriodType = true;
    return scanValueType(0, p, end);
  }
  if (field == 13) {
    while (p < end) {
      p = readVarint(p);
      const status = takeScalar(13);
      if (status) return status;
    }
    if (p != end) return truncated(end);
  }
  return OK;
}

function takeScalar(field: u32): i32 {
  const value = varintValue;
  switch (field) {
    case 7: dropFrames = value; break;
    case 8: keepFrames = value; break;
    case 9: timeNs = value; break;
    case 10: durationNs = value; break;
    case 12: period = value; break;
    case 14: defaultType = value; break;
    case 13: {
      if (!reserve(commentStrings, 1, 3)) return fail(OUT_OF_MEMORY);
      store<u64>(commentStrings.pointer + (<usize>commentStrings.length << 3), value);
      commentStrings.length++;
    }
  }
  return OK;
}

function scanValueType(which: u32, p: usize, end: usize): i32 {
  const at = VALUE_TYPES + (<usize>which << 4);
  while (p < end) {
    p = readVarint(p);
    const tag = varintValue;
    p = skipField(p, tag, end);
    if (!p) return problem;
    if (tag == 8) store<u64>(at, varintValue);
    else if (tag == 16) store<u64>(at, varintValue, 8);
  }
  return OK;
}

@inline function hasString(index: u64): bool {
  return index < <u64>stringExtents.length;
}

/** Refuses a string index. */
export function badString(index: u64): i32 {
  return fail(STRING_INDEX, index, stringExtents.length);
}

/** Checks what the outer message alone decides; answers a status. */
export function checkProfile(): i32 {
  if (!stringExtents.length) return fail(NO_STRINGS);
  const first = load<u32>(stringExtents.pointer, 4) - load<u32>(stringExtents.pointer);
  if (first) return fail(FIRST_STRING, first);
  if (!sampleTypeCount) return fail(NO_SAMPLE_TYPES);
  if (sampleTypeCount > SAMPLE_TYPES_MAX) {
    return fail(SAMPLE_TYPES, sampleTypeCount, SAMPLE_TYPES_MAX);
  }
  if (commentStrings.length > COMMENTS_MAX) {
    return fail(COMMENTS, commentStrings.length, COMMENTS_MAX);
  }
  const typeEnd = VALUE_TYPES + ((<usize>sampleTypeCount + 1) << 4);
  for (let at = VALUE_TYPES; at < typeEnd; at += 8) {
    const index = load<u64>(at);
    if (!hasString(index)) return badString(index);
  }
  // Nothing is measured by what follows: what leads nowhere is empty.
  const comments = commentStrings.pointer;
  for (let i: u32 = 0; i < commentStrings.length; i++) {
    const at = comments + (<usize>i << 3);
    if (!hasString(load<u64>(at))) store<u64>(at, 0);
  }
  if (!hasString(dropFrames)) dropFrames = 0;
  if (!hasString(keepFrames)) keepFrames = 0;
  if (!hasString(defaultType)) defaultType = 0;
  return OK;
}
