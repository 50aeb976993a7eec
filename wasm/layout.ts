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

/** Location: address u64 · mapping u32 (id + 1; 0 none) · first line u32 · lines u32 · flags u32. */
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

// ---- bounds
/** Zero bytes that must follow any scanned input, so that a varint read always ends. */
export const GUARD_BYTES: usize = 16;
