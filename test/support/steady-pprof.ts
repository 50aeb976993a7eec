// The pprof of a steady service: rows of the simulation with the frames of a Go fixture, encoded
// as Go's runtime does. Owns the tables of one profile: ids and strings are numbered in order of
// first appearance.
import type { Profile } from 'pprof-format';
import { Writer } from '../fixtures/protobuf.ts';

export const cpuPeriodNs = 10_000_000;
/** Bytes between two samples of Go's heap profiler. */
export const heapPeriodBytes = 512 * 1024;

/** One sample. */
export interface SteadyRow {
  /** Indexes into the source's locations, leaf first. */
  locations: readonly number[];
  /** Object size in bytes, as Go's heap profile tells in a numeric label; 0: no label. */
  size: number;
  /** One per sample type. */
  values: readonly number[];
}

export interface SteadyInput {
  kind: 'cpu' | 'heap';
  rows: readonly SteadyRow[];
  timeNs: bigint;
  intervalMs: number;
  /** Whose symbols the rows use. */
  source: Profile;
}

const types = {
  cpu: { sample: ['samples', 'count', 'cpu', 'nanoseconds'], period: ['cpu', 'nanoseconds'] },
  heap: {
    sample: [
      ...['alloc_objects', 'count', 'alloc_space', 'bytes'],
      ...['inuse_objects', 'count', 'inuse_space', 'bytes'],
    ],
    period: ['space', 'bytes'],
  },
};

/** Encodes one profile, not compressed. */
export function encodeSteady(input: SteadyInput): Uint8Array<ArrayBuffer> {
  const { kind, rows, timeNs, intervalMs, source } = input;
  const symbols = new Symbols(source);
  const out = new Writer();
  const { sample, period } = types[kind];
  for (let i = 0; i < sample.length; i += 2) {
    out.message(1, symbols.valueType(sample[i], sample[i + 1]));
  }
  const sizeLabel = kind === 'heap' ? symbols.strings.id('bytes') : 0;
  for (const { locations, size, values } of rows) {
    const ids = locations.map((index) => symbols.locations.id(index));
    const body = new Writer().packed(1, ids).packed(2, values);
    if (sizeLabel) body.message(3, new Writer().number(1, sizeLabel).number(3, size));
    out.message(2, body);
  }
  const periodType = symbols.valueType(period[0], period[1]);
  symbols.write(out);
  out.number(9, timeNs).number(10, kind === 'cpu' ? BigInt(intervalMs) * 1_000_000n : 0);
  return out
    .message(11, periodType)
    .number(12, kind === 'cpu' ? cpuPeriodNs : heapPeriodBytes)
    .finish();
}

/** The tables of one profile: what its samples use of the fixture's symbols. */
class Symbols {
  readonly strings = new Table<string>(0);
  /** Keys are indexes into the fixture's tables. */
  readonly locations = new Table<number>(1);
  readonly #functions = new Table<number>(1);
  readonly #source: Profile;
  readonly #places: Map<number, number>;

  constructor(source: Profile) {
    this.#source = source;
    this.#places = new Map(source.function.map((one, index) => [Number(one.id), index]));
    this.strings.id('');
  }

  valueType(type = '', unit = ''): Writer {
    return new Writer().number(1, this.strings.id(type)).number(2, this.strings.id(unit));
  }

  /** Mapping, locations, functions and strings; nothing may be asked of the tables after. */
  write(out: Writer): void {
    const mapping = this.#source.mapping[0];
    if (!mapping) throw new Error('the fixture has no mapping');
    const range = new Writer().number(1, 1).number(2, mapping.memoryStart);
    range.number(3, mapping.memoryLimit).number(5, this.#text(mapping.filename)).number(7, 1);
    out.message(3, range);
    for (const [index, id] of this.locations.ids) out.message(4, this.#location(index, id));
    for (const [index, id] of this.#functions.ids) out.message(5, this.#function(index, id));
    for (const one of this.strings.ids.keys()) out.string(6, one);
  }

  #location(index: number, id: number): Writer {
    const one = this.#source.location[index];
    const out = new Writer()
      .number(1, id)
      .number(2, 1)
      .number(3, one?.address ?? 0);
    for (const line of one?.line ?? []) {
      const place = this.#places.get(Number(line.functionId)) ?? 0;
      out.message(4, new Writer().number(1, this.#functions.id(place)).number(2, line.line));
    }
    return out;
  }

  #function(index: number, id: number): Writer {
    const one = this.#source.function[index];
    const out = new Writer().number(1, id).number(2, this.#text(one?.name ?? 0));
    out.number(3, this.#text(one?.systemName ?? 0)).number(4, this.#text(one?.filename ?? 0));
    return out.number(5, one?.startLine ?? 0);
  }

  #text(index: number | bigint): number {
    return this.strings.id(this.#source.stringTable.strings[Number(index)] ?? '');
  }
}

/** Numbers things in order of first appearance. */
class Table<Key> {
  readonly ids = new Map<Key, number>();
  readonly #first: number;

  constructor(first: number) {
    this.#first = first;
  }

  id(key: Key): number {
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.#first + this.ids.size;
    this.ids.set(key, id);
    return id;
  }
}
