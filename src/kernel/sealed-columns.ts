// The columns of a sealed head's tables: which output slot of the kernel holds what, per table.
// Owns the schema on this side; `wasm/ABI.md` has the slots. All arrays are views of the kernel's
// memory and hold until the next call on any table of the same head.
import type { Column, ColumnData, Validity } from '../model/table.ts';

/** Bytes of a slot record: pointer u32, length in bytes u32, capacity u32. */
const slotBytes = 12;

/** Reads the slots that one fill wrote. */
export class SlotReader {
  readonly #buffer: ArrayBuffer;
  readonly #slots: DataView;
  readonly #rows: number;

  /** `slotsAt` is the address of the slots, `rows` the rows that were filled. */
  constructor(buffer: ArrayBuffer, slotsAt: number, rows: number) {
    this.#buffer = buffer;
    this.#slots = new DataView(buffer, slotsAt);
    this.#rows = rows;
  }

  #pointer(slot: number): number {
    return this.#slots.getUint32(slot * slotBytes, true);
  }

  #length(slot: number): number {
    return this.#slots.getUint32(slot * slotBytes + 4, true);
  }

  u32(slot: number): ColumnData {
    const values = new Uint32Array(this.#buffer, this.#pointer(slot), this.#length(slot) / 4);
    return { kind: 'u32', values };
  }

  /** A nullable column: its bitmap is in the next slot. */
  optionalU32(slot: number): ColumnData {
    const values = new Uint32Array(this.#buffer, this.#pointer(slot), this.#length(slot) / 4);
    return { kind: 'u32', values, valid: this.#validity(slot + 1) };
  }

  u64(slot: number): ColumnData {
    const values = new BigUint64Array(this.#buffer, this.#pointer(slot), this.#length(slot) / 8);
    return { kind: 'u64', values };
  }

  optionalU64(slot: number): ColumnData {
    const values = new BigUint64Array(this.#buffer, this.#pointer(slot), this.#length(slot) / 8);
    return { kind: 'u64', values, valid: this.#validity(slot + 1) };
  }

  i64(slot: number): ColumnData {
    const values = new BigInt64Array(this.#buffer, this.#pointer(slot), this.#length(slot) / 8);
    return { kind: 'i64', values };
  }

  bool(slot: number): ColumnData {
    return { kind: 'bool', values: this.#bytes(slot) };
  }

  bytes16(slot: number): ColumnData {
    return { kind: 'bytes16', bytes: this.#bytes(slot) };
  }

  optionalBytes16(slot: number): ColumnData {
    return { kind: 'bytes16', bytes: this.#bytes(slot), valid: this.#validity(slot + 1) };
  }

  /** Offsets and bytes: two slots. */
  utf8(slot: number): ColumnData {
    return { kind: 'utf8', offsets: this.#offsets(slot), bytes: this.#bytes(slot + 1) };
  }

  /** A null in every row. */
  absentU64(): ColumnData {
    return { kind: 'u64', values: new BigUint64Array(this.#rows), valid: this.#noneValid() };
  }

  absentBytes16(): ColumnData {
    return { kind: 'bytes16', bytes: new Uint8Array(this.#rows * 16), valid: this.#noneValid() };
  }

  #noneValid(): Uint8Array {
    return new Uint8Array((this.#rows + 7) >> 3);
  }

  list(slot: number, items: ColumnData): ColumnData {
    return { kind: 'list', offsets: this.#offsets(slot), items };
  }

  #offsets(slot: number): Int32Array {
    return new Int32Array(this.#buffer, this.#pointer(slot), this.#length(slot) / 4);
  }

  #bytes(slot: number): Uint8Array {
    return new Uint8Array(this.#buffer, this.#pointer(slot), this.#length(slot));
  }

  /** The bitmap, or nothing when no row is null. */
  #validity(slot: number): Validity {
    const bits = this.#bytes(slot);
    const whole = this.#rows >> 3;
    for (let i = 0; i < whole; i++) if (bits[i] !== 0xff) return bits;
    const last = (1 << (this.#rows & 7)) - 1;
    return last === 0 || bits[whole] === last ? undefined : bits;
  }
}

/** What the kernel needs to know of a table, and how its slots become columns. */
export interface TableShape {
  readonly name: string;
  /** About how many bytes a row takes; strings and lists are guessed from real heads. */
  readonly rowBytes: number;
  columns(slots: SlotReader, hasSpans: boolean): Column[];
}

/** Bytes of a string with its offset, on average; file and function names are long. */
const textBytes = 4 + 36;

const column = (name: string, data: ColumnData): Column => ({ name, data });

const profiles: TableShape = {
  name: 'profiles',
  rowBytes: 4 + 4 + 8 + 8 + 8 + 16 + 8 + 3 * 4 + 4,
  columns: (slots) => [
    column('profile_id', slots.u32(0)),
    column('series_id', slots.u32(1)),
    column('time_ns', slots.i64(2)),
    column('duration_ns', slots.i64(3)),
    column('period', slots.i64(4)),
    column('uuid', slots.bytes16(5)),
    column('total', slots.i64(6)),
    column('default_sample_type', slots.utf8(7)),
    column('drop_frames', slots.utf8(9)),
    column('keep_frames', slots.utf8(11)),
    column('comments', slots.list(13, slots.utf8(14))),
  ],
};

const samples: TableShape = {
  name: 'samples',
  rowBytes: 4 + 4 + 8 + 4 + 8 + 8 + 16,
  columns: (slots, hasSpans) => {
    const columns = [
      column('profile_id', slots.u32(0)),
      column('series_id', slots.u32(1)),
      column('time_ns', slots.i64(2)),
      column('stacktrace_id', slots.u32(3)),
      column('value', slots.i64(4)),
    ];
    // The columns are there in every block, so that SQL which names them works on all.
    columns.push(column('span_id', hasSpans ? slots.optionalU64(5) : slots.absentU64()));
    columns.push(column('trace_id', hasSpans ? slots.optionalBytes16(7) : slots.absentBytes16()));
    return columns;
  },
};

const totals: TableShape = {
  name: 'totals',
  rowBytes: 4 + 4 + 8 + 4,
  columns: (slots) => [
    column('series_id', slots.u32(0)),
    column('stacktrace_id', slots.u32(1)),
    column('value', slots.i64(2)),
    column('count', slots.u32(3)),
  ],
};

const stacktraces: TableShape = {
  name: 'stacktraces',
  rowBytes: 4 + 4 + 4,
  columns: (slots) => [
    column('stacktrace_id', slots.u32(0)),
    column('parent_id', slots.optionalU32(1)),
    column('location_id', slots.optionalU32(3)),
  ],
};

const locations: TableShape = {
  name: 'locations',
  rowBytes: 4 + 4 + 8 + 1 + 4 + 12,
  columns: (slots) => {
    const fields = [column('function_id', slots.u32(6)), column('line', slots.i64(7))];
    return [
      column('location_id', slots.u32(0)),
      column('mapping_id', slots.optionalU32(1)),
      column('address', slots.u64(3)),
      column('is_folded', slots.bool(4)),
      column('lines', slots.list(5, { kind: 'struct', fields })),
    ];
  },
};

const functions: TableShape = {
  name: 'functions',
  rowBytes: 4 + 3 * textBytes + 8,
  columns: (slots) => [
    column('function_id', slots.u32(0)),
    column('name', slots.utf8(1)),
    column('system_name', slots.utf8(3)),
    column('filename', slots.utf8(5)),
    column('start_line', slots.i64(7)),
  ],
};

const mappings: TableShape = {
  name: 'mappings',
  rowBytes: 4 + 3 * 8 + 2 * textBytes + 4,
  columns: (slots) => [
    column('mapping_id', slots.u32(0)),
    column('memory_start', slots.u64(1)),
    column('memory_limit', slots.u64(2)),
    column('file_offset', slots.u64(3)),
    column('filename', slots.utf8(4)),
    column('build_id', slots.utf8(6)),
    column('has_functions', slots.bool(8)),
    column('has_filenames', slots.bool(9)),
    column('has_line_numbers', slots.bool(10)),
    column('has_inline_frames', slots.bool(11)),
  ],
};

/** All tables, each at the index by which the kernel knows it. */
export const tableShapes: readonly TableShape[] = [
  profiles,
  samples,
  totals,
  stacktraces,
  locations,
  functions,
  mappings,
];
