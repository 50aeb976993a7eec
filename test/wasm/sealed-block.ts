// A block without files: the tables of a sealed head as the arrays that a block's reader would
// decode them to. Owns nothing but that translation.
import type { Kernel } from '../../src/kernel/kernel.ts';
import { SealedHead } from '../../src/kernel/sealed.ts';
import type { BatchFilter, SampleBatch } from '../../src/kernel/sum-filter.ts';
import { noId, type SymbolTables } from '../../src/kernel/symbols.ts';
import type { ColumnData } from '../../src/model/table.ts';

type Kind<K> = Extract<ColumnData, { kind: K }>;

export interface SealedBlock {
  symbols: SymbolTables;
  samples: Required<SampleBatch>;
  totals: SampleBatch & { series: Uint32Array };
}

/** Seals all rows in their order, each a series of its own when `seriesIds` says so. */
export function sealBlock(
  kernel: Kernel,
  rowOrder: Uint32Array,
  seriesIds: Uint32Array,
): SealedBlock {
  const seal = new SealedHead(kernel, rowOrder, seriesIds);
  while (seal.step());
  const columns = new Map<string, ColumnData>();
  for (const table of seal.tables()) {
    for (const { name, data } of table.columns(0, table.rows)) {
      columns.set(`${table.name}.${name}`, structuredClone(data));
    }
  }
  seal.release();
  const of = <K extends ColumnData['kind']>(_: K, name: string) => columns.get(name) as Kind<K>;
  return {
    symbols: symbolsOf(of),
    samples: {
      stacks: of('u32', 'samples.stacktrace_id').values,
      values: of('i64', 'samples.value').values,
      series: of('u32', 'samples.series_id').values,
      timesNs: of('i64', 'samples.time_ns').values,
      profiles: of('u32', 'samples.profile_id').values,
      spanIds: of('u64', 'samples.span_id').values,
      traceIds: of('bytes16', 'samples.trace_id').bytes,
    },
    totals: {
      stacks: of('u32', 'totals.stacktrace_id').values,
      values: of('i64', 'totals.value').values,
      series: of('u32', 'totals.series_id').values,
    },
  };
}

type Columns = <K extends ColumnData['kind']>(kind: K, name: string) => Kind<K>;

function symbolsOf(of: Columns): SymbolTables {
  const lines = of('list', 'locations.lines');
  const line = (lines.items as Kind<'struct'>).fields.map(({ data }) => data);
  const flags = ['functions', 'filenames', 'line_numbers', 'inline_frames'].map(
    (name) => of('bool', `mappings.has_${name}`).values,
  );
  const mappings = of('u64', 'mappings.memory_start').values;
  return {
    functions: {
      names: of('utf8', 'functions.name'),
      systemNames: of('utf8', 'functions.system_name'),
      files: of('utf8', 'functions.filename'),
      startLines: of('i64', 'functions.start_line').values,
    },
    mappings: {
      starts: mappings,
      limits: of('u64', 'mappings.memory_limit').values,
      offsets: of('u64', 'mappings.file_offset').values,
      files: of('utf8', 'mappings.filename'),
      buildIds: of('utf8', 'mappings.build_id'),
      flags: Uint8Array.from(mappings, (_, i) =>
        flags.reduce((bits, values, bit) => bits | ((values[i] ?? 0) << bit), 0),
      ),
    },
    locations: {
      addresses: of('u64', 'locations.address').values,
      mappings: withNulls(of('u32', 'locations.mapping_id')),
      folded: of('bool', 'locations.is_folded').values,
      lineOffsets: lines.offsets,
      lineFunctions: (line[0] as Kind<'u32'>).values,
      lineNumbers: (line[1] as Kind<'i64'>).values,
    },
    stacks: {
      parents: withNulls(of('u32', 'stacktraces.parent_id')),
      locations: withNulls(of('u32', 'stacktraces.location_id')),
    },
  };
}

function withNulls({ values, valid }: Kind<'u32'>): Uint32Array {
  if (valid === undefined) return values;
  return values.map((value, i) => ((valid[i >> 3] ?? 0) & (1 << (i & 7)) ? value : noId));
}

/** The samples that pass, one by one: what a filter means. */
export function passing(block: SealedBlock, filter: BatchFilter): number[] {
  const { series, timesNs, profiles, spanIds, traceIds, stacks } = block.samples;
  const traceAt = (ids: Uint8Array, i: number) => ids.subarray(i * 16, i * 16 + 16).join();
  const traces =
    filter.traceIds &&
    new Set(
      Array.from({ length: filter.traceIds.length / 16 }, (_, i) =>
        traceAt(filter.traceIds as Uint8Array, i),
      ),
    );
  return [...stacks.keys()].filter((i) => {
    const time = timesNs[i] as bigint;
    const span = spanIds[i] as bigint;
    const trace = traceAt(traceIds, i);
    return (
      (!filter.seriesMask || filter.seriesMask[series[i] as number] === 1) &&
      (!filter.profileMask || filter.profileMask[profiles[i] as number] === 1) &&
      (filter.startNs === undefined || time >= filter.startNs) &&
      (filter.endNs === undefined || time <= filter.endNs) &&
      (!filter.spanIds || (span !== 0n && filter.spanIds.includes(span))) &&
      (!traces || (/[1-9]/.test(trace) && traces.has(trace)))
    );
  });
}
