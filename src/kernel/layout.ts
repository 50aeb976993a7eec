// Offsets of what crosses the border by address, as `wasm/layout.ts` has them. Owns nothing else;
// `test/wasm/layout.test.ts` compares the two files.

export const factsLayout = {
  period: 0,
  time: 8,
  duration: 16,
  valueTypes: 24,
  sampleTypeCount: 28,
  hasPeriodType: 32,
  defaultType: 36,
  drop: 40,
  keep: 44,
  comments: 48,
  commentCount: 52,
  groupCount: 56,
  groupExtents: 60,
  groupPairs: 64,
  groupCounts: 68,
  sampleCount: 72,
  negativeCount: 76,
  functionCount: 80,
  mappingCount: 84,
  locationCount: 88,
  stringCount: 92,
  depthMax: 96,
  sampleLabelsMax: 100,
  strings: 104,
  truncatedStackCount: 108,
  truncatedStringCount: 112,
  danglingSampleCount: 116,
  unnumbered: 120,
} as const;

export const planLayout = { time: 0, uuid: 8, targets: 24 } as const;
export const markLayout = { sum: 0, counts: 8 } as const;
/** Columns of `wasm/store.ts`. */
export const columnCount = 14;
export const statsLayout = { bytes: 0, counts: 8, rows: 28 } as const;
