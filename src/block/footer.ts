// The end of a Parquet file: where its footer begins, and what Thrift struct it is. Owns the check
// that a written file is whole, because the encoder drops rows silently when a write inside it
// fails. What the footer says of columns is read in `footers.ts`.
// https://github.com/apache/parquet-format
import { Failure } from '../errors.ts';
import { readStruct, type ThriftStruct } from './thrift.ts';

/** A file ends in the footer's length (u32, little endian) and these four bytes. */
const magic = 'PAR1';
/** Bytes after the footer: its length and the magic. */
const trailerBytes = 8;

export interface Footer {
  /** Footer with its trailer: what a reader asks for as the suffix of the file. */
  bytes: number;
  rows: number;
}

/** Field 3 of FileMetaData. */
const rowsField = 3;
/** Ids are 32-bit row numbers. */
const rowsMax = 2 ** 32;

/**
 * Reads the footer at the end of `tail`, the last bytes of a Parquet file. Throws `corrupt` when
 * there is none, or when it does not lie wholly inside `tail`.
 */
export function readFooter(tail: Uint8Array): Footer {
  const { bytes, fields } = readFooterFields(tail);
  return { bytes, rows: checkedRows(fields.get(rowsField)) };
}

/** The same, all of it: `FileMetaData` of the format. */
export function readFooterFields(tail: Uint8Array): { bytes: number; fields: ThriftStruct } {
  const end = tail.length - trailerBytes;
  const text = new TextDecoder().decode(tail.subarray(tail.length - magic.length));
  if (end < 0 || text !== magic) {
    throw new Failure('corrupt', `parquet file ends in ${JSON.stringify(text)}, not ${magic}`);
  }
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const length = view.getUint32(end, true);
  if (length > end) {
    throw new Failure('corrupt', `parquet footer is ${length} bytes, only ${end} are at hand`);
  }
  const bytes = tail.subarray(end - length, end);
  const fields = readStruct({ bytes, at: 0 }, 'parquet footer');
  return { bytes: length + trailerBytes, fields };
}

function checkedRows(rows: unknown): number {
  if (rows === undefined) throw new Failure('corrupt', 'parquet footer names no row count');
  if (typeof rows === 'number' && rows >= 0 && rows <= rowsMax) return rows;
  throw new Failure('corrupt', `parquet footer has ${rows} rows, limit ${rowsMax}`);
}
