// A scan: decodes and checks a whole pprof into scratch without touching the head, and lays out
// what it found. Owns the order of the passes and the area of facts.
import { inputForget, inputLength, inputPointer } from './input';
import {
  FACTS_COMMENTS,
  FACTS_COMMENT_COUNT,
  FACTS_DANGLING_SAMPLE_COUNT,
  FACTS_DEFAULT_TYPE,
  FACTS_DEPTH_MAX,
  FACTS_DROP,
  FACTS_DURATION,
  FACTS_FUNCTION_COUNT,
  FACTS_GROUP_COUNT,
  FACTS_GROUP_COUNTS,
  FACTS_GROUP_EXTENTS,
  FACTS_GROUP_PAIRS,
  FACTS_HAS_PERIOD_TYPE,
  FACTS_KEEP,
  FACTS_LOCATION_COUNT,
  FACTS_MAPPING_COUNT,
  FACTS_NEGATIVE_COUNT,
  FACTS_PERIOD,
  FACTS_SAMPLE_COUNT,
  FACTS_SAMPLE_LABELS_MAX,
  FACTS_SAMPLE_TYPE_COUNT,
  FACTS_SIZE,
  FACTS_STRINGS,
  FACTS_STRING_COUNT,
  FACTS_TIME,
  FACTS_TRUNCATED_STACK_COUNT,
  FACTS_TRUNCATED_STRING_COUNT,
  FACTS_UNNUMBERED,
  FACTS_VALUE_TYPES,
} from './layout';
import { shortenGoNames } from './go-names';
import { dropGroupTable, setIgnored } from './labels';
import {
  checkProfile,
  cutStringCount,
  defaultType,
  dropFrames,
  durationNs,
  hasPeriodType,
  keepFrames,
  period,
  sampleTypeCount,
  scanProfile,
  timeNs,
  valueTypesPointer,
} from './pprof';
import {
  cutStackCount,
  danglingCount,
  depthMax,
  negativeCount,
  sampleLabelsMax,
  scanSamples,
} from './pprof-samples';
import { isUnnumbered, scanTables } from './pprof-tables';
import {
  commentStrings,
  functionExtents,
  groupCounts,
  groupExtents,
  groupPairs,
  locationExtents,
  mappingExtents,
  sampleExtents,
  stringExtents,
  trimColumns,
} from './scratch';
import { GROUPS, OK, OUT_OF_MEMORY, VARINT, fail } from './status';
import { clearVarints, longVarintAt } from './varint';

const FACTS: usize = memory.data(144, 8);

let scanned: bool = false;

/** True when the scratch holds a profile that was scanned and not appended. */
export function isScanned(): bool {
  return scanned;
}

/** The scratch was used up, by an append or otherwise. */
export function useUpScan(): void {
  scanned = false;
}

/** Where the facts of the last scan are. */
export function factsPointer(): usize {
  return FACTS;
}

/**
 * Decodes the input; answers a status, and the facts when it is OK, or those of the groups alone
 * when it is GROUPS. `stackDepth` locations of a stack are kept and `stringBytes` of a string; the
 * first `ignored` keys that the host has written make no groups.
 */
export function scan(stackDepth: u32, stringBytes: u32, ignored: u32): i32 {
  scanned = false;
  setIgnored(ignored);
  clearVarints();
  const start = inputPointer();
  let status = scanProfile(start, start + inputLength(), stringBytes);
  if (!status) status = checkProfile();
  if (!status) status = scanTables();
  if (!status) status = scanSamples(stackDepth);
  // Reported first: what follows a varint that is too long was read with a wrong value.
  if (longVarintAt) return fail(VARINT, <u64>(longVarintAt - start));
  const strings = stringExtents.length;
  if (!status && !shortenGoNames()) status = fail(OUT_OF_MEMORY);
  scanned = !status;
  if (!status || status == GROUPS) writeFacts(strings);
  return status;
}

function writeFacts(strings: u32): void {
  memory.fill(FACTS, 0, FACTS_SIZE);
  store<u64>(FACTS, period, FACTS_PERIOD);
  store<u64>(FACTS, timeNs, FACTS_TIME);
  store<u64>(FACTS, durationNs, FACTS_DURATION);
  store<u32>(FACTS, <u32>valueTypesPointer(), FACTS_VALUE_TYPES);
  store<u32>(FACTS, sampleTypeCount, FACTS_SAMPLE_TYPE_COUNT);
  store<u32>(FACTS, <u32>hasPeriodType, FACTS_HAS_PERIOD_TYPE);
  store<u32>(FACTS, <u32>defaultType, FACTS_DEFAULT_TYPE);
  store<u32>(FACTS, <u32>dropFrames, FACTS_DROP);
  store<u32>(FACTS, <u32>keepFrames, FACTS_KEEP);
  store<u32>(FACTS, <u32>commentStrings.pointer, FACTS_COMMENTS);
  store<u32>(FACTS, commentStrings.length, FACTS_COMMENT_COUNT);
  store<u32>(FACTS, groupExtents.length, FACTS_GROUP_COUNT);
  store<u32>(FACTS, <u32>groupExtents.pointer, FACTS_GROUP_EXTENTS);
  store<u32>(FACTS, <u32>groupPairs.pointer, FACTS_GROUP_PAIRS);
  store<u32>(FACTS, <u32>groupCounts.pointer, FACTS_GROUP_COUNTS);
  store<u32>(FACTS, sampleExtents.length, FACTS_SAMPLE_COUNT);
  store<u32>(FACTS, negativeCount, FACTS_NEGATIVE_COUNT);
  store<u32>(FACTS, functionExtents.length, FACTS_FUNCTION_COUNT);
  store<u32>(FACTS, mappingExtents.length, FACTS_MAPPING_COUNT);
  store<u32>(FACTS, locationExtents.length, FACTS_LOCATION_COUNT);
  store<u32>(FACTS, strings, FACTS_STRING_COUNT);
  store<u32>(FACTS, depthMax, FACTS_DEPTH_MAX);
  store<u32>(FACTS, sampleLabelsMax, FACTS_SAMPLE_LABELS_MAX);
  store<u32>(FACTS, <u32>stringExtents.pointer, FACTS_STRINGS);
  store<u32>(FACTS, cutStackCount, FACTS_TRUNCATED_STACK_COUNT);
  store<u32>(FACTS, cutStringCount, FACTS_TRUNCATED_STRING_COUNT);
  store<u32>(FACTS, danglingCount, FACTS_DANGLING_SAMPLE_COUNT);
  store<u32>(FACTS, <u32>isUnnumbered, FACTS_UNNUMBERED);
}

/** Gives scratch back when an idle head would pin more than its share; the scan is lost then. */
export function trimScratch(): void {
  if (!trimColumns()) return;
  dropGroupTable();
  inputForget();
  scanned = false;
}
