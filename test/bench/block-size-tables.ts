// Tables of a block as a head would seal them from steady services, made in plain TypeScript so
// that the Parquet side can be measured by itself. Owns the numbering that `FORMAT.md` promises.
import { Profile } from 'pprof-format';
import type { ColumnData, Table } from '../../src/model/table.ts';
import { steadyService } from '../support/steady-service.ts';
import { columnOf, columnTable, offsetsOf } from '../support/tables.ts';

export interface Shape {
  tables: Table[];
  samples: number;
  /** Bytes of the gzipped pprofs that hold these samples. */
  pushedBytes: number;
}

export interface ShapeOptions {
  kind: 'cpu' | 'heap';
  services: number;
  profilesPerService: number;
}

/** Row-wise rows under construction; numbers that pass 2^53 do not occur here. */
interface Rows {
  series: { type: string; service: string }[];
  profiles: { series: number; timeNs: bigint; total: number }[];
  samples: { profile: number; series: number; timeNs: bigint; stack: number; value: number }[];
  totals: { series: number; stack: number; value: number; count: number }[];
  nodes: Numbering;
  locations: Numbering;
  functions: Numbering;
  /** By location id: address, and function ids with their lines. */
  places: { address: bigint; lines: { fn: number; line: number }[] }[];
  names: { name: string; file: string }[];
}

/** Ids in order of first use. */
class Numbering {
  readonly #ids = new Map<string, number>();
  readonly keys: string[] = [];

  /** The id of `key`, and whether it is new. */
  of(key: string): { id: number; isNew: boolean } {
    const known = this.#ids.get(key);
    if (known !== undefined) return { id: known, isNew: false };
    const id = this.keys.push(key) - 1;
    this.#ids.set(key, id);
    return { id, isNew: true };
  }
}

/** One block of `services` programs, each with symbols of its own. */
export function steadyShape(options: ShapeOptions): Shape {
  const { kind, services, profilesPerService } = options;
  const rows: Rows = {
    series: [],
    profiles: [],
    samples: [],
    totals: [],
    nodes: new Numbering(),
    locations: new Numbering(),
    functions: new Numbering(),
    places: [],
    names: [],
  };
  let pushedBytes = 0;
  for (let service = 0; service < services; service++) {
    const pushed = [...steadyService({ kind, count: profilesPerService, seed: service + 1 })];
    pushedBytes += pushed.reduce((sum, one) => sum + one.packed.length, 0);
    addService(
      rows,
      service,
      pushed.map((one) => Profile.decode(one.plain)),
    );
  }
  return { tables: tables(rows), samples: rows.samples.length, pushedBytes };
}

function addService(rows: Rows, service: number, profiles: readonly Profile[]): void {
  const types = profiles[0]?.sampleType.length ?? 0;
  for (let type = 0; type < types; type++) {
    const series = rows.series.push({ type: `type-${type}`, service: `service-${service}` }) - 1;
    const totals = new Map<number, { value: number; count: number }>();
    for (const profile of profiles) {
      const id = rows.profiles.length;
      const timeNs = BigInt(profile.timeNanos);
      const leaves = leavesOf(rows, service, profile, type);
      for (const [stack, value] of [...leaves].sort(([a], [b]) => a - b)) {
        rows.samples.push({ profile: id, series, timeNs, stack, value });
        const sum = totals.get(stack) ?? { value: 0, count: 0 };
        totals.set(stack, { value: sum.value + value, count: sum.count + 1 });
      }
      const total = [...leaves.values()].reduce((sum, value) => sum + value, 0);
      rows.profiles.push({ series, timeNs, total });
    }
    for (const [stack, sum] of [...totals].sort(([a], [b]) => a - b)) {
      rows.totals.push({ series, stack, ...sum });
    }
  }
}

/** Leaf node → value, over the samples that have one. */
function leavesOf(rows: Rows, service: number, profile: Profile, type: number) {
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] ?? '';
  const functions = new Map(profile.function.map((one) => [Number(one.id), one]));
  const places = new Map<number, number>();
  for (const location of profile.location) {
    const lines = location.line.map(({ functionId, line }) => {
      const fn = functions.get(Number(functionId));
      const [name, file] = [text(fn?.name ?? 0), text(fn?.filename ?? 0)];
      return { name: `service${service}/${name}`, file, line: Number(line) };
    });
    places.set(Number(location.id), placeOf(rows, addressOf(location.address, service), lines));
  }
  const leaves = new Map<number, number>();
  for (const sample of profile.sample) {
    const value = Number(sample.value[type]);
    if (value === 0) continue;
    let node = -1;
    for (const location of sample.locationId.toReversed()) {
      node = rows.nodes.of(`${node} ${places.get(Number(location))}`).id;
    }
    leaves.set(node, (leaves.get(node) ?? 0) + value);
  }
  return leaves;
}

/** Programs are loaded at different places: no two share an address. */
function addressOf(address: number | bigint, service: number): bigint {
  return BigInt(address) + BigInt(service) * 0x1234_5000n;
}

function placeOf(
  rows: Rows,
  address: bigint,
  lines: { name: string; file: string; line: number }[],
): number {
  const ids = lines.map(({ name, file, line }) => {
    const { id, isNew } = rows.functions.of(`${name} ${file}`);
    if (isNew) rows.names.push({ name, file });
    return { fn: id, line };
  });
  const { id, isNew } = rows.locations.of(`${address} ${JSON.stringify(ids)}`);
  if (isNew) rows.places.push({ address, lines: ids });
  return id;
}

function tables(rows: Rows): Table[] {
  const { series, profiles, samples, totals, places, names } = rows;
  const { u32, u64, i64, bool, utf8, bytes16 } = columnOf;
  const ids = (count: number) => u32(Array.from({ length: count }, (_, i) => i));
  const whole = <T>(list: readonly T[], of: (one: T) => number) =>
    i64(list.map((one) => BigInt(of(one))));
  const edges = rows.nodes.keys.map((key) => key.split(' ').map(Number));
  const lines = places.flatMap((place) => place.lines);
  const empty = (count: number) => utf8(new Array<string>(count).fill(''));
  const table = (name: string, count: number, columns: Record<string, ColumnData>) =>
    columnTable(
      name,
      count,
      Object.entries(columns).map(([column, data]) => ({ name: column, data })),
    );
  const labels = series.flatMap((one) => [
    ['__profile_type__', one.type],
    ['pod', `${one.service}-7d9f8b6c5-x2x4z`],
    ['service_name', one.service],
  ]);
  return [
    table('series', series.length, {
      series_id: ids(series.length),
      fingerprint: u64(
        series.map((_, i) => (BigInt(i + 1) * 0x9e3779b97f4a7c15n) & 0xffff_ffff_ffff_ffffn),
      ),
      profile_type: utf8(series.map((one) => one.type)),
      service_name: utf8(series.map((one) => one.service)),
      labels: {
        kind: 'map',
        offsets: offsetsOf(series.map(() => 3)),
        keys: utf8(labels.map(([name]) => name ?? '')),
        values: utf8(labels.map(([, value]) => value ?? '')),
      },
    }),
    table('profiles', profiles.length, {
      profile_id: ids(profiles.length),
      series_id: u32(profiles.map((one) => one.series)),
      time_ns: i64(profiles.map((one) => one.timeNs)),
      duration_ns: whole(profiles, () => 10_000_000_000),
      period: whole(profiles, () => 10_000_000),
      uuid: bytes16(profiles.map((_, i) => uuid(i))),
      total: whole(profiles, (one) => one.total),
      default_sample_type: empty(profiles.length),
      drop_frames: empty(profiles.length),
      keep_frames: empty(profiles.length),
      comments: { kind: 'list', offsets: new Int32Array(profiles.length + 1), items: utf8([]) },
    }),
    table('samples', samples.length, {
      profile_id: u32(samples.map((one) => one.profile)),
      series_id: u32(samples.map((one) => one.series)),
      time_ns: i64(samples.map((one) => one.timeNs)),
      stacktrace_id: u32(samples.map((one) => one.stack)),
      value: whole(samples, (one) => one.value),
      span_id: {
        kind: 'u64',
        values: new BigUint64Array(samples.length),
        valid: none(samples.length),
      },
      trace_id: {
        kind: 'bytes16',
        bytes: new Uint8Array(samples.length * 16),
        valid: none(samples.length),
      },
    }),
    table('totals', totals.length, {
      series_id: u32(totals.map((one) => one.series)),
      stacktrace_id: u32(totals.map((one) => one.stack)),
      value: whole(totals, (one) => one.value),
      count: u32(totals.map((one) => one.count)),
    }),
    table('stacktraces', edges.length, {
      stacktrace_id: ids(edges.length),
      parent_id: u32(edges.map(([parent]) => (parent === -1 ? undefined : parent))),
      location_id: u32(edges.map(([, location]) => location)),
    }),
    table('locations', places.length, {
      location_id: ids(places.length),
      mapping_id: u32(places.map(() => 0)),
      address: u64(places.map((one) => one.address)),
      is_folded: bool(places.map(() => false)),
      lines: {
        kind: 'list',
        offsets: offsetsOf(places.map((one) => one.lines.length)),
        items: {
          kind: 'struct',
          fields: [
            { name: 'function_id', data: u32(lines.map((one) => one.fn)) },
            { name: 'line', data: whole(lines, (one) => one.line) },
          ],
        },
      },
    }),
    table('functions', names.length, {
      function_id: ids(names.length),
      name: utf8(names.map((one) => one.name)),
      system_name: utf8(names.map((one) => one.name)),
      filename: utf8(names.map((one) => one.file)),
      start_line: whole(names, () => 0),
    }),
    table('mappings', 1, {
      mapping_id: ids(1),
      memory_start: u64([0x400000n]),
      memory_limit: u64([0xb39000n]),
      file_offset: u64([0n]),
      filename: utf8(['/usr/bin/app']),
      build_id: utf8(['0123456789abcdef']),
      has_functions: bool([true]),
      has_filenames: bool([true]),
      has_line_numbers: bool([true]),
      has_inline_frames: bool([true]),
    }),
  ];
}

/** No row has a value. */
function none(rows: number): Uint8Array {
  return new Uint8Array((rows + 7) >> 3);
}

/** Sixteen bytes that do not compress, as a hash is. */
function uuid(seed: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length: 16 }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    return state >>> 24;
  });
}
