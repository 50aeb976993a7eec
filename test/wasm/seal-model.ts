// A plain model of a seal: block tables as lists of plain rows, made from row descriptions by the
// rules of the block format. Owns the rules; `seal-profiles.ts` makes the descriptions.
import type { ColumnData, Table } from '../../src/model/table.ts';
import {
  type FrameSpec,
  type FunctionSpec,
  frameKey,
  type MappingSpec,
  type ModelRow,
} from './seal-profiles.ts';

export type PlainRow = Record<string, unknown>;

/** The rows of a table, or of a slice of it, as plain values. */
export function plainRows(table: Table, from = 0, count = table.rows): PlainRow[] {
  const columns = table.columns(from, count).map(({ name, data }) => ({
    name,
    values: plainValues(data, count),
  }));
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(columns.map(({ name, values }) => [name, values[i]])),
  );
}

const decoder = new TextDecoder('utf-8', { fatal: true });
const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function plainValues(data: ColumnData, count: number): unknown[] {
  const each = <T>(make: (index: number) => T) => Array.from({ length: count }, (_, i) => make(i));
  const valid = 'valid' in data ? data.valid : undefined;
  const isNull = (i: number) =>
    valid !== undefined && !((valid[i >> 3] as number) & (1 << (i & 7)));
  switch (data.kind) {
    case 'u32':
    case 'u64':
    case 'i64':
      if (data.values.length !== count)
        throw new Error(`${data.values.length} values, not ${count}`);
      return each((i) => (isNull(i) ? null : data.values[i]));
    case 'bool':
      return each((i) => data.values[i] === 1);
    case 'bytes16':
      return each((i) => (isNull(i) ? null : hexOf(data.bytes.slice(16 * i, 16 * i + 16))));
    case 'utf8': {
      if (data.offsets[0] !== 0) throw new Error(`first offset is ${data.offsets[0]}, not 0`);
      const text = (i: number) => data.bytes.slice(data.offsets[i], data.offsets[i + 1]);
      return each((i) => (isNull(i) ? null : decoder.decode(text(i))));
    }
    case 'list': {
      if (data.offsets[0] !== 0) throw new Error(`first offset is ${data.offsets[0]}, not 0`);
      const items = plainValues(data.items, data.offsets[count] as number);
      return each((i) => items.slice(data.offsets[i], data.offsets[i + 1]));
    }
    case 'struct': {
      const fields = data.fields.map(
        (field) => [field.name, plainValues(field.data, count)] as const,
      );
      return each((i) => Object.fromEntries(fields.map(([name, values]) => [name, values[i]])));
    }
    default:
      throw new Error(`no ${data.kind} column expected`);
  }
}

/** Numbers things by a text, in order of first use. */
class Numbering<T> {
  readonly items: T[] = [];
  readonly #ids = new Map<string, number>();
  readonly #keyOf: (item: T) => string;

  constructor(keyOf: (item: T) => string) {
    this.#keyOf = keyOf;
  }

  id(item: T): number {
    const key = this.#keyOf(item);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.items.length);
    return this.items.push(item) - 1;
  }
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item));

interface Node {
  parent: number | null;
  frame: FrameSpec | null;
}

/** Tables of the rows in the given order; `seriesIds` has each row's. */
export function modelTables(
  rows: readonly ModelRow[],
  seriesIds: ArrayLike<number>,
): Map<string, PlainRow[]> {
  const nodes = new Numbering<Node>((node) =>
    node.frame === null ? 'empty' : `${node.parent} ${frameKey(node.frame)}`,
  );
  const leafOf = (frames: readonly FrameSpec[]): number => {
    let parent: number | null = null;
    for (const frame of frames.toReversed()) parent = nodes.id({ parent, frame });
    return parent ?? nodes.id({ parent: null, frame: null });
  };
  const sampleRows = rows.flatMap((row, position) => {
    const seriesId = seriesIds[position] as number;
    const made = row.samples.map((sample) => ({ sample, leaf: leafOf(sample.frames) }));
    return made
      .map(({ sample, leaf }) => sampleRow(row, position, seriesId, sample, leaf))
      .toSorted(compareSamples);
  });
  const symbols = modelSymbols(nodes.items);
  return new Map([
    ['profiles', rows.map((row, position) => profileRow(row, position, seriesIds[position]))],
    ['samples', sampleRows],
    ['totals', modelTotals(sampleRows)],
    ...symbols,
  ]);
}

function profileRow(row: ModelRow, position: number, seriesId: number | undefined): PlainRow {
  const { profile, samples } = row;
  return {
    profile_id: position,
    series_id: seriesId,
    time_ns: profile.timeNs,
    duration_ns: profile.durationNs,
    period: profile.period,
    uuid: hexOf(profile.uuid),
    total: samples.reduce((sum, sample) => sum + sample.value, 0n),
    default_sample_type: profile.defaultType,
    drop_frames: profile.dropFrames,
    keep_frames: profile.keepFrames,
    comments: profile.comments,
  };
}

function sampleRow(
  row: ModelRow,
  position: number,
  seriesId: number,
  sample: ModelRow['samples'][number],
  leaf: number,
): PlainRow {
  return {
    profile_id: position,
    series_id: seriesId,
    time_ns: row.profile.timeNs,
    stacktrace_id: leaf,
    value: sample.value,
    span_id: sample.span && BigInt(`0x${sample.span}`) !== 0n ? BigInt(`0x${sample.span}`) : null,
    trace_id: sample.trace || null,
  };
}

function compareSamples(a: PlainRow, b: PlainRow): number {
  const leaves = (a['stacktrace_id'] as number) - (b['stacktrace_id'] as number);
  const [spanA, spanB] = [a['span_id'] ?? 0n, b['span_id'] ?? 0n] as [bigint, bigint];
  const [traceA, traceB] = [a['trace_id'] ?? '', b['trace_id'] ?? ''] as [string, string];
  const spans = spanA < spanB ? -1 : Number(spanA > spanB);
  return leaves || spans || (traceA < traceB ? -1 : Number(traceA > traceB));
}

function modelTotals(sampleRows: readonly PlainRow[]): PlainRow[] {
  const sums = new Map<
    string,
    { series: number; leaf: number; value: bigint; seen: Set<unknown> }
  >();
  for (const row of sampleRows) {
    const [series, leaf] = [row['series_id'] as number, row['stacktrace_id'] as number];
    const key = `${series} ${leaf}`;
    const sum = sums.get(key) ?? { series, leaf, value: 0n, seen: new Set() };
    sum.value += row['value'] as bigint;
    sum.seen.add(row['profile_id']);
    sums.set(key, sum);
  }
  return [...sums.values()]
    .toSorted((a, b) => a.series - b.series || a.leaf - b.leaf)
    .map(({ series, leaf, value, seen }) => ({
      ...{ series_id: series, stacktrace_id: leaf, value, count: seen.size },
    }));
}

function modelSymbols(nodes: readonly Node[]): [string, PlainRow[]][] {
  const frames = new Numbering<FrameSpec>(frameKey);
  const functions = new Numbering<FunctionSpec>(textOf);
  const mappings = new Numbering<MappingSpec>(textOf);
  const stacktraces = nodes.map(({ parent, frame }, id) => ({
    ...{ stacktrace_id: id, parent_id: parent },
    location_id: frame === null ? null : frames.id(frame),
  }));
  const locations = frames.items.map((frame, id) => ({
    location_id: id,
    lines: frame.lines.map(({ fn, line }) => ({ function_id: functions.id(fn), line })),
    mapping_id: frame.mapping ? mappings.id(frame.mapping) : null,
    ...{ address: frame.address, is_folded: frame.isFolded },
  }));
  const functionRows = functions.items.map((fn, id) => ({
    ...{ function_id: id, name: fn.name, system_name: fn.systemName },
    ...{ filename: fn.filename, start_line: fn.startLine },
  }));
  const mappingRows = mappings.items.map((mapping, id) => ({
    ...{ mapping_id: id, memory_start: mapping.start, memory_limit: mapping.limit },
    ...{ file_offset: mapping.offset, filename: mapping.filename, build_id: mapping.buildId },
    ...{ has_functions: mapping.flags[0], has_filenames: mapping.flags[1] },
    ...{ has_line_numbers: mapping.flags[2], has_inline_frames: mapping.flags[3] },
  }));
  return [
    ['stacktraces', stacktraces],
    ['locations', locations],
    ['functions', functionRows],
    ['mappings', mappingRows],
  ];
}
