// The pages of a column chunk: a walk over their headers before the decoder sees them. The decoder
// allocates what a header asks for, in a memory that never shrinks, and panics on much of what is
// wrong; so sizes and counts must add up to what the footer says first.
// https://github.com/apache/parquet-format#data-pages
import { Failure } from '../errors.ts';
import type { ColumnChunk } from './footers.ts';
import { readStruct, type ThriftStruct } from './thrift.ts';

/** `PageType`; the format of blocks knows version 2 data pages alone. */
const pageType = { dictionary: 2, dataV2: 3 } as const;
/** Fields of `PageHeader`. */
const field = { type: 1, uncompressed: 2, compressed: 3, dictionary: 7, dataV2: 8 } as const;
/** Fields of `DataPageHeaderV2`. */
const v2 = { values: 1, nulls: 2, rows: 3, definitionBytes: 5, repetitionBytes: 6 } as const;

/**
 * Checks that the chunk's bytes are a dictionary page, when the footer says so, and data pages that
 * hold its values for `rows` rows. Throws `corrupt` with the column's name.
 */
export function checkPages(chunk: ColumnChunk, bytes: Uint8Array, rows: number): void {
  const name = `column ${chunk.leaf.path.join('.')}`;
  const reader = { bytes, at: 0 };
  const sum = { values: 0, rows: 0, bytes: 0 };
  while (reader.at < bytes.length) {
    const start = reader.at;
    const header = readStruct(reader, `page header of ${name}`);
    const isDictionary = start === 0 && chunk.hasDictionary;
    if (!isDictionary && start < chunk.dataAt) throw damage(`${name} has data before its data`);
    const size = numberOf(header.get(field.compressed), name);
    if (size > bytes.length - reader.at) throw damage(`${name} has a page that is cut short`);
    const inflated = numberOf(header.get(field.uncompressed), name);
    sum.bytes += reader.at - start + inflated;
    if (sum.bytes > chunk.uncompressedBytes) break;
    if (isDictionary) checkDictionary(header, name);
    else addDataPage(header, name, Math.min(size, inflated), sum);
    reader.at += size;
  }
  const { values, uncompressedBytes } = chunk;
  if (sum.bytes !== uncompressedBytes) {
    throw damage(`${name} has pages of ${sum.bytes} bytes, footer says ${uncompressedBytes}`);
  }
  if (sum.values !== values) throw damage(`${name} has ${sum.values} of ${values} values`);
  if (sum.rows !== rows) throw damage(`${name} has ${sum.rows} of ${rows} rows`);
}

function checkDictionary(header: ThriftStruct, name: string): void {
  const isOne = header.get(field.type) === pageType.dictionary && header.has(field.dictionary);
  if (!isOne) throw damage(`${name} lacks its dictionary`);
}

function addDataPage(
  header: ThriftStruct,
  name: string,
  bytes: number,
  sum: { values: number; rows: number },
): void {
  const page = header.get(field.dataV2);
  if (header.get(field.type) !== pageType.dataV2 || !(page instanceof Map)) {
    throw damage(`${name} has a page of type ${header.get(field.type)}, not ${pageType.dataV2}`);
  }
  const levels =
    numberOf(page.get(v2.definitionBytes), name) + numberOf(page.get(v2.repetitionBytes), name);
  if (levels > bytes) throw damage(`${name} has levels of ${levels} bytes in ${bytes}`);
  const values = numberOf(page.get(v2.values), name);
  if (numberOf(page.get(v2.nulls), name) > values) throw damage(`${name} has more nulls than rows`);
  sum.values += values;
  sum.rows += numberOf(page.get(v2.rows), name);
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw damage(`${name} has a page header that lacks a number`);
}

function damage(message: string): Failure {
  return new Failure('corrupt', message);
}
