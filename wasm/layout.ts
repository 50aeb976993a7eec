// Where things are: record layouts and limits. Every offset another file loads or stores by is
// named here; a change here is a change of ABI.md.

// ---- dictionary records (array of structs, row number = id)
/** Function: name u32 · system name u32 · file u32 · pad · start line i64. */
export const FN_SIZE: usize = 24;
export const FN_NAME: usize = 0;
export const FN_SYSTEM: usize = 4;
export const FN_FILE: usize = 8;
export const FN_START: usize = 16;

/** Mapping: start u64 · limit u64 · offset u64 · file u32 · build id u32 · flags u32 · pad. */
export const MAP_SIZE: usize = 40;
export const MAP_START: usize = 0;
export const MAP_LIMIT: usize = 8;
export const MAP_OFFSET: usize = 16;
export const MAP_FILE: usize = 24;
export const MAP_BUILD: usize = 28;
/** Bits 0-3: has functions, filenames, line numbers, inline frames. */
export const MAP_FLAGS: usize = 32;

/** Location: address u64 · mapping u32 (id + 1; 0 none) · first line, lines, flags u32. */
export const LOC_SIZE: usize = 24;
export const LOC_ADDRESS: usize = 0;
export const LOC_MAPPING: usize = 8;
export const LOC_LINE_START: usize = 12;
export const LOC_LINE_COUNT: usize = 16;
/** Bit 0: is folded. */
export const LOC_FLAGS: usize = 20;

/** Line (innermost inlined call first, as in pprof): function u32 · pad · line i64. */
export const LINE_SIZE: usize = 16;
export const LINE_FUNCTION: usize = 0;
export const LINE_NUMBER: usize = 8;

/** Stack (row number = dense ordinal): first entry in `frames` u32 · depth u32. */
export const STACK_SIZE: usize = 8;
export const STACK_START: usize = 0;
export const STACK_DEPTH: usize = 4;

// ---- rows: one per (profile, sample type, label group)
export const ROW_SIZE: usize = 88;
export const ROW_SERIES: usize = 0;
/** Stacks of the row: entries in the sample columns. */
export const ROW_SAMPLE_START: usize = 4;
export const ROW_SAMPLE_COUNT: usize = 8;
/** First entry in the span columns, parallel to the samples; NONE when no sample has a span. */
export const ROW_SPAN_START: usize = 12;
export const ROW_TIME: usize = 16;
export const ROW_DURATION: usize = 24;
export const ROW_PERIOD: usize = 32;
/** Sum of the row's values. */
export const ROW_TOTAL: usize = 40;
/** Content key, 16 bytes. */
export const ROW_UUID: usize = 48;
/** String ids; 0 is the empty string. */
export const ROW_DEFAULT_TYPE: usize = 64;
export const ROW_DROP: usize = 68;
export const ROW_KEEP: usize = 72;
/** Comments: first entry in `comments` (string ids) and how many. */
export const ROW_COMMENT_START: usize = 76;
export const ROW_COMMENT_COUNT: usize = 80;

export const NONE: u32 = 0xffffffff;

// ---- what a scan found, at `factsPointer`
export const FACTS_SIZE: usize = 144;
export const FACTS_PERIOD: usize = 0;
export const FACTS_TIME: usize = 8;
export const FACTS_DURATION: usize = 16;
/** String indexes of type and unit, u64 each: the period type, then the sample types. */
export const FACTS_VALUE_TYPES: usize = 24;
export const FACTS_SAMPLE_TYPE_COUNT: usize = 28;
export const FACTS_HAS_PERIOD_TYPE: usize = 32;
export const FACTS_DEFAULT_TYPE: usize = 36;
export const FACTS_DROP: usize = 40;
export const FACTS_KEEP: usize = 44;
/** String indexes of the comments, u64 each. */
export const FACTS_COMMENTS: usize = 48;
export const FACTS_COMMENT_COUNT: usize = 52;
export const FACTS_GROUP_COUNT: usize = 56;
/** Per group: first and past-the-end entry (u32 each) among the pairs. */
export const FACTS_GROUP_EXTENTS: usize = 60;
/** Pairs of string indexes (u32 each): value, key. */
export const FACTS_GROUP_PAIRS: usize = 64;
/** Per group and sample type (u32): samples whose value is not zero. */
export const FACTS_GROUP_COUNTS: usize = 68;
export const FACTS_SAMPLE_COUNT: usize = 72;
export const FACTS_NEGATIVE_COUNT: usize = 76;
export const FACTS_FUNCTION_COUNT: usize = 80;
export const FACTS_MAPPING_COUNT: usize = 84;
export const FACTS_LOCATION_COUNT: usize = 88;
export const FACTS_STRING_COUNT: usize = 92;
export const FACTS_DEPTH_MAX: usize = 96;
export const FACTS_SAMPLE_LABELS_MAX: usize = 100;
/** Per string: first and past-the-end address (u32 each). */
export const FACTS_STRINGS: usize = 104;
/**
 * What was done to the profile: stacks and strings cut, samples left out for what they refer to.
 */
export const FACTS_TRUNCATED_STACK_COUNT: usize = 108;
export const FACTS_TRUNCATED_STRING_COUNT: usize = 112;
export const FACTS_DANGLING_SAMPLE_COUNT: usize = 116;
/** 1 when no function has an id: their order is taken for it. */
export const FACTS_UNNUMBERED: usize = 120;

// ---- what an append is asked for, at the address that `planReserve` answers
export const PLAN_TIME: usize = 0;
export const PLAN_UUID: usize = 8;
/** Target group per group (u32), then the series per group and sample type (u32). */
export const PLAN_TARGETS: usize = 24;

// ---- a state of the head, at `markPointer`
export const MARK_SUM: usize = 0;
/** Length of each column of store.ts, u32. */
export const MARK_COUNTS: usize = 8;

// ---- sizes of the head, at the address that `stats` answers
export const STATS_BYTES: usize = 0;
/** Strings, functions, mappings, locations, stacks, rows, samples, u32 each. */
export const STATS_COUNTS: usize = 8;
export const STATS_ROWS: usize = 28;

// ---- bounds
/** Zero bytes that must follow any scanned input, so that a varint read always ends. */
export const GUARD_BYTES: usize = 16;
/** Room directly before the input for what the content key hashes ahead of it. */
export const PREFIX_BYTES_MAX: usize = 4096;
/** Sample types of a profile; real ones have up to 6, and a row is made for each. */
export const SAMPLE_TYPES_MAX: u32 = 64;
/** Label groups of a scan; past it the host is asked which labels to ignore. */
export const GROUPS_MAX: u32 = 2000;
/** String labels of one sample, ten times the reference's limit, which is the caller's to check. */
export const SAMPLE_LABELS_MAX: u32 = 1000;
/** Comments of a profile: they are repeated on each of its rows when a block is written. */
export const COMMENTS_MAX: u32 = 1000;
