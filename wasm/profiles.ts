// An append: takes the last scan into the head. Owns the order that makes it all or nothing: look
// up what is new, reserve all room, and only then change the head, by steps that cannot fail. Room
// for new stacks alone is found on the way; when it is not, the append is rolled back.
import {
  FN_FILE,
  FN_NAME,
  FN_SIZE,
  FN_SYSTEM,
  LINE_SIZE,
  LOC_LINE_COUNT,
  LOC_LINE_START,
  LOC_MAPPING,
  LOC_SIZE,
  MAP_BUILD,
  MAP_FILE,
  MAP_SIZE,
  NONE,
  ROW_SIZE,
} from './layout';
import { ensure, reserve, reserveRecords } from './memory';
import { defaultType, dropFrames, keepFrames } from './pprof';
import { hasSpans, keptCount } from './pprof-samples';
import { DROPPED } from './pprof-tables';
import { mark, rollback } from './rollback';
import { planEntries, planRows, planTotal, weighPlan } from './plan';
import { appendRows, reserveRowSpace } from './rows';
import { placeFrames } from './sample-stacks';
import { isScanned, useUpScan } from './scan';
import {
  missingStrings,
  commentStrings,
  functionIds,
  locationIds,
  mappingIds,
  scannedFunctions,
  scannedLines,
  scannedLocations,
  scannedMappings,
  stackHashes,
  stringExtents,
  stringIds,
} from './scratch';
import { HEAD_FULL, MISUSE, OUT_OF_MEMORY, fail } from './status';
import {
  addSaturating,
  comments,
  rows,
  sampleStacks,
  sampleValues,
  setValueSum,
  spanIds,
  traceIds,
  valueSum,
} from './store';
import { findString, internString, reserveStrings, storedBytes } from './strings';
import { internFunction, internLocation, internMapping, reserveSymbols } from './symbols';

/** In `stringIds`: looked up, and not there yet. */
const PENDING: u32 = 0xfffffffe;

let missingCount: u32 = 0;
let missingBytes: u64 = 0;

/** Appends the last scan by the plan; answers the number of new rows, or a status. */
export function append(): i32 {
  if (!isScanned()) return fail(MISUSE);
  weighPlan();
  // An empty head takes any profile, or the caller's next one could not take it either.
  if (rows.length && <i64>(valueSum + planTotal) < 0) return fail(HEAD_FULL);
  if (!planEntries) {
    useUpScan();
    return 0;
  }
  if (!reserveScratch() || !findStrings() || !reserveHead()) return fail(OUT_OF_MEMORY);
  mark();
  useUpScan();
  for (let i: u32 = 0; i < missingCount; i++) internMissing(i);
  internSymbols();
  placeFrames();
  const before = rows.length;
  const comment = appendComments();
  const type = idOfString(<u32>defaultType);
  if (!appendRows(comment, type, idOfString(<u32>dropFrames), idOfString(<u32>keepFrames))) {
    rollback();
    return fail(OUT_OF_MEMORY);
  }
  setValueSum(addSaturating(valueSum, planTotal));
  return rows.length - before;
}

function reserveScratch(): bool {
  const strings = <u64>stringExtents.length << 2;
  if (
    !ensure(stringIds, strings) ||
    !ensure(missingStrings, strings) ||
    !ensure(functionIds, <u64>scannedFunctions.length << 2) ||
    !ensure(mappingIds, <u64>scannedMappings.length << 2) ||
    !ensure(locationIds, <u64>scannedLocations.length << 2) ||
    !ensure(stackHashes, <u64>keptCount << 3)
  ) return false;
  return reserveRowSpace();
}

/** Looks up every string that the head will refer to, and weighs those it does not have. */
function findStrings(): bool {
  memory.fill(stringIds.pointer, 0xff, <usize>stringExtents.length << 2);
  missingCount = 0;
  missingBytes = 0;
  const fnEnd = scannedFunctions.pointer + <usize>scannedFunctions.length * FN_SIZE;
  for (let r = scannedFunctions.pointer; r < fnEnd; r += FN_SIZE) {
    if (
      !need(load<u32>(r, FN_NAME)) || !need(load<u32>(r, FN_SYSTEM)) || !need(load<u32>(r, FN_FILE))
    ) return false;
  }
  const mapEnd = scannedMappings.pointer + <usize>scannedMappings.length * MAP_SIZE;
  for (let r = scannedMappings.pointer; r < mapEnd; r += MAP_SIZE) {
    if (!need(load<u32>(r, MAP_FILE)) || !need(load<u32>(r, MAP_BUILD))) return false;
  }
  for (let i: u32 = 0; i < commentStrings.length; i++) {
    if (!need(load<u32>(commentStrings.pointer + (<usize>i << 3)))) return false;
  }
  return need(<u32>defaultType) && need(<u32>dropFrames) && need(<u32>keepFrames);
}

@inline function need(index: u32): bool {
  return load<u32>(stringIds.pointer + (<usize>index << 2)) == NONE ? lookUp(index) : true;
}

function lookUp(index: u32): bool {
  const at = stringExtents.pointer + (<usize>index << 3);
  const p = <usize>load<u32>(at);
  const length = load<u32>(at, 4) - <u32>p;
  let id = findString(p, length);
  if (id == NONE) {
    const bytes = storedBytes(p, length);
    if (bytes == NONE) return false;
    store<u32>(missingStrings.pointer + (<usize>missingCount << 2), index);
    missingCount++;
    missingBytes += bytes;
    id = PENDING;
  }
  store<u32>(stringIds.pointer + (<usize>index << 2), id);
  return true;
}

/** Room for the worst case but for stacks: every record is new. */
function reserveHead(): bool {
  return (
    reserveStrings(missingCount, missingBytes) &&
    reserveSymbols(
      scannedFunctions.length,
      scannedMappings.length,
      scannedLocations.length,
      scannedLines.length,
    ) &&
    // A row writes its values that are zero too, each where the next sample goes.
    reserve(sampleStacks, planEntries + 1, 2) &&
    reserve(sampleValues, planEntries + 1, 3) &&
    (!hasSpans || (reserve(spanIds, planEntries, 3) && reserve(traceIds, planEntries, 4))) &&
    reserveRecords(rows, planRows, ROW_SIZE) &&
    reserve(comments, commentStrings.length, 2)
  );
}

function internMissing(i: u32): void {
  const index = load<u32>(missingStrings.pointer + (<usize>i << 2));
  const at = stringExtents.pointer + (<usize>index << 3);
  const p = <usize>load<u32>(at);
  const id = internString(p, load<u32>(at, 4) - <u32>p);
  store<u32>(stringIds.pointer + (<usize>index << 2), id);
}

@inline function idOfString(index: u32): u32 {
  return load<u32>(stringIds.pointer + (<usize>index << 2));
}

/** Rewrites the scanned records from the profile's positions to the head's ids and interns them. */
function internSymbols(): void {
  const strings = stringIds.pointer;
  let r = scannedFunctions.pointer;
  for (let i: u32 = 0; i < scannedFunctions.length; i++, r += FN_SIZE) {
    store<u32>(r, load<u32>(strings + (<usize>load<u32>(r, FN_NAME) << 2)), FN_NAME);
    store<u32>(r, load<u32>(strings + (<usize>load<u32>(r, FN_SYSTEM) << 2)), FN_SYSTEM);
    store<u32>(r, load<u32>(strings + (<usize>load<u32>(r, FN_FILE) << 2)), FN_FILE);
    store<u32>(functionIds.pointer + (<usize>i << 2), internFunction(r));
  }
  r = scannedMappings.pointer;
  for (let i: u32 = 0; i < scannedMappings.length; i++, r += MAP_SIZE) {
    store<u32>(r, load<u32>(strings + (<usize>load<u32>(r, MAP_FILE) << 2)), MAP_FILE);
    store<u32>(r, load<u32>(strings + (<usize>load<u32>(r, MAP_BUILD) << 2)), MAP_BUILD);
    store<u32>(mappingIds.pointer + (<usize>i << 2), internMapping(r));
  }
  const lineEnd = scannedLines.pointer + <usize>scannedLines.length * LINE_SIZE;
  for (let at = scannedLines.pointer; at < lineEnd; at += LINE_SIZE) {
    store<u32>(at, load<u32>(functionIds.pointer + (<usize>load<u32>(at) << 2)));
  }
  r = scannedLocations.pointer;
  for (let i: u32 = 0; i < scannedLocations.length; i++, r += LOC_SIZE) {
    // No kept sample has it.
    if (load<u32>(r, LOC_LINE_COUNT) == DROPPED) continue;
    const mapping = load<u32>(r, LOC_MAPPING);
    if (mapping) {
      const id = load<u32>(mappingIds.pointer + (<usize>(mapping - 1) << 2));
      store<u32>(r, id + 1, LOC_MAPPING);
    }
    const at = scannedLines.pointer + <usize>load<u32>(r, LOC_LINE_START) * LINE_SIZE;
    store<u32>(locationIds.pointer + (<usize>i << 2), internLocation(r, at));
  }
}

function appendComments(): u32 {
  const first = comments.length;
  for (let i: u32 = 0; i < commentStrings.length; i++) {
    const index = load<u32>(commentStrings.pointer + (<usize>i << 3));
    store<u32>(comments.pointer + (<usize>comments.length << 2), idOfString(index));
    comments.length++;
  }
  return first;
}
