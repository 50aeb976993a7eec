// Tables between the head and the block writer: flat typed columns, handed over slice by slice.
// Owns the shapes; the head fills them, the writer encodes them, neither knows the other.

/** Null bitmap in Arrow's order (bit i of byte i>>3, 1 = present); absent: no nulls. */
export type Validity = Uint8Array | undefined;

export type ColumnData =
  | { kind: 'u32'; values: Uint32Array; valid?: Validity }
  | { kind: 'u64'; values: BigUint64Array; valid?: Validity }
  | { kind: 'i64'; values: BigInt64Array; valid?: Validity }
  /** One byte a value, 0 or 1. */
  | { kind: 'bool'; values: Uint8Array }
  /** `offsets` has one entry more than there are rows, the first is 0; `bytes` is valid UTF-8. */
  | { kind: 'utf8'; offsets: Int32Array; bytes: Uint8Array; valid?: Validity }
  /** 16 bytes a value. */
  | { kind: 'bytes16'; bytes: Uint8Array; valid?: Validity }
  | { kind: 'list'; offsets: Int32Array; items: ColumnData }
  | { kind: 'struct'; fields: readonly { name: string; data: ColumnData }[] }
  | { kind: 'map'; offsets: Int32Array; keys: ColumnData; values: ColumnData };

export interface Column {
  name: string;
  data: ColumnData;
}

/** A finished table. Rows are numbered from 0; a row's number is its id where it has one. */
export interface Table {
  readonly name: string;
  readonly rows: number;
  /** About how many bytes the columns take in memory. */
  readonly bytes: number;
  /**
   * Rows `from … from+count-1` as columns, in schema order. The arrays may be views that the next
   * call on any table of the same head overwrites: encode or copy them first. Cheapest in
   * ascending order.
   */
  columns(from: number, count: number): Column[];
}
