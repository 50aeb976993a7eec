// The pages of a column chunk: a walk over their headers before the decoder sees them. The decoder
// allocates what a header asks for, in a memory that never shrinks, and panics on much of what is
// wrong; so sizes and counts must add up to what the footer says first.
// https://github.com/apache/parquet-format#data-pages
import { Failure } from '../errors.ts';
import type { ColumnChunk } from './footers.ts';
import { readStruct, ThriftStruct } from './thrift.ts';

/** One data page with its header. */
export interface Page {
  /** In the chunk. */
  at: number;
  bytes: number;
  uncompressedBytes: number;
  /** First row, counted from the row group's; rows do not cross pages. */
  row: number;
  rows: number;
  values: number;
}

export interface ChunkPages {
  /** The page before the data pages; none: 0 bytes. */
  dictionary: { bytes: number; uncompressedBytes: number };
  pages: readonly Page[];
}

/** `PageType`; the format of blocks knows version 2 data pages alone. */
const pageType = { dictionary: 2, dataV2: 3 } as const;
/** Fields of `PageHeader`. */
const field = { type: 1, uncompressed: 2, compressed: 3, dictionary: 7, dataV2: 8 } as const;
/** Fields of `DataPageHeaderV2`. */
const v2 = { values: 1, nulls: 2, rows: 3, definitionBytes: 5, repetitionBytes: 6 } as const;

/**
 * Finds the pages in the chunk's bytes: a dictionary page, when the footer says so, and data pages
 * that hold its values for `rows` rows. Throws `corrupt` with the column's name.
 */
export function readPages(chunk: ColumnChunk, bytes: Uint8Array, rows: number): ChunkPages {
  const name = `column ${chunk.leaf.path.join('.')}`;
  const reader = { bytes, at: 0 };
  const pages: Page[] = [];
  const dictionary = { bytes: 0, uncompressedBytes: 0 };
  const sum = { values: 0, rows: 0, bytes: 0 };
  while (reader.at < bytes.length) {
    const at = reader.at;
    const header = readStruct(reader, `page header of ${name}`);
    const isDictionary = at === 0 && chunk.hasDictionary;
    if (!isDictionary && at < chunk.dataAt) throw damage(`${name} has data before its data`);
    const size = numberOf(header.get(field.compressed), name);
    if (size > bytes.length - reader.at) throw damage(`${name} has a page that is cut short`);
    const inflated = numberOf(header.get(field.uncompressed), name);
    const uncompressedBytes = reader.at - at + inflated;
    reader.at += size;
    sum.bytes += uncompressedBytes;
    if (sum.bytes > chunk.uncompressedBytes) break;
    const place = { at, bytes: reader.at - at, uncompressedBytes };
    if (isDictionary) {
      checkDictionary(header, name);
      Object.assign(dictionary, { bytes: place.bytes, uncompressedBytes });
    } else {
      const counts = countsOf(header, name, Math.min(size, inflated));
      pages.push({ ...place, row: sum.rows, ...counts });
      sum.values += counts.values;
      sum.rows += counts.rows;
    }
  }
  const { values, uncompressedBytes } = chunk;
  if (sum.bytes !== uncompressedBytes) {
    throw damage(`${name} has pages of ${sum.bytes} bytes, footer says ${uncompressedBytes}`);
  }
  if (sum.values !== values) throw damage(`${name} has ${sum.values} of ${values} values`);
  if (sum.rows !== rows) throw damage(`${name} has ${sum.rows} of ${rows} rows`);
  return { dictionary, pages };
}

function checkDictionary(header: ThriftStruct, name: string): void {
  const isOne = header.get(field.type) === pageType.dictionary && header.has(field.dictionary);
  if (!isOne) throw damage(`${name} lacks its dictionary`);
}

function countsOf(header: ThriftStruct, name: string, bytes: number) {
  const page = header.get(field.dataV2);
  if (header.get(field.type) !== pageType.dataV2 || !(page instanceof ThriftStruct)) {
    throw damage(`${name} has a page of type ${header.get(field.type)}, not ${pageType.dataV2}`);
  }
  const levels =
    numberOf(page.get(v2.definitionBytes), name) + numberOf(page.get(v2.repetitionBytes), name);
  if (levels > bytes) throw damage(`${name} has levels of ${levels} bytes in ${bytes}`);
  const values = numberOf(page.get(v2.values), name);
  if (numberOf(page.get(v2.nulls), name) > values) throw damage(`${name} has more nulls than rows`);
  return { values, rows: numberOf(page.get(v2.rows), name) };
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw damage(`${name} has a page header that lacks a number`);
}

function damage(message: string): Failure {
  return new Failure('corrupt', message);
}
