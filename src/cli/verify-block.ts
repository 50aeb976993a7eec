// Is one block what its `meta.json` promises? Owns the checks of its files: there, as long as said,
// the same bytes (XXH64), a footer that can be read and names the same rows. Reads each file once,
// in pieces; writes nothing.
import type { XXHashAPI } from 'xxhash-wasm';
import { metaFile } from '../block/files.ts';
import { readFooter } from '../block/footer.ts';
import type { BlockMeta, FileEntry } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure, messageOf } from '../errors.ts';

/** Held in memory of a file at once. */
const pieceBytes = 4 * 1024 * 1024;
/** 100,000 rows take about 1 KB of footer: this is that of ten times the rows there can be. */
const footerBytesMax = 64 * 1024 * 1024;
/** A block has nine files. A folder with this many pages of a thousand holds something else. */
const pagesMax = 10;

export interface FileProblem {
  file: string;
  /** One line. */
  text: string;
}

export interface BlockReport {
  problems: FileProblem[];
  /** Bytes of tables read. */
  bytes: number;
  /** True when the block was deleted while it was read; then there are no problems. */
  isGone: boolean;
}

/**
 * Checks all files of the block whose keys begin with `prefix`. Throws what keeps it from reading
 * (`unavailable`), for that says nothing about the block.
 */
export async function verifyBlock(
  bucket: Bucket,
  prefix: string,
  meta: BlockMeta,
  hasher: XXHashAPI,
): Promise<BlockReport> {
  const report: BlockReport = { problems: [], bytes: 0, isGone: false };
  const sizes = await listSizes(bucket, prefix);
  for (const entry of meta.files) {
    const size = sizes.get(entry.name);
    const text =
      size === undefined
        ? 'is missing'
        : size !== entry.bytes
          ? `is ${size} bytes, ${metaFile} says ${entry.bytes}`
          : await contentProblem(bucket, prefix + entry.name, entry, hasher, report);
    if (text !== undefined) report.problems.push({ file: entry.name, text });
  }
  if (report.problems.length > 0 && !(await isThere(bucket, prefix + metaFile))) {
    // `meta.json` is deleted first: retention took the block away under our eyes.
    return { ...report, problems: [], isGone: true };
  }
  return report;
}

async function contentProblem(
  bucket: Bucket,
  key: string,
  entry: FileEntry,
  hasher: XXHashAPI,
  report: BlockReport,
): Promise<string | undefined> {
  const { bytes, footerBytes } = entry;
  if (footerBytes > Math.min(bytes, footerBytesMax)) {
    return `footer is said to be ${footerBytes} bytes, limit ${Math.min(bytes, footerBytesMax)}`;
  }
  const hash = hasher.create64();
  let tail: Uint8Array = new Uint8Array();
  try {
    for (const { offset, length } of piecesOf(bytes, footerBytes)) {
      tail = await bucket.getRange(key, { offset, length });
      if (tail.length !== length) return `ends at byte ${offset + tail.length} of ${bytes}`;
      hash.update(tail);
      report.bytes += length;
    }
  } catch (error) {
    if (isFailure(error, 'missing')) return 'is missing';
    throw error;
  }
  const checksum = hash.digest().toString(16).padStart(16, '0');
  if (checksum !== entry.checksum) return `checksum is not that of ${metaFile}`;
  return footerProblem(tail, entry);
}

/** The file in pieces, the last of which holds the whole footer. */
function piecesOf(bytes: number, footerBytes: number): { offset: number; length: number }[] {
  if (bytes <= pieceBytes) return bytes === 0 ? [] : [{ offset: 0, length: bytes }];
  const pieces: { offset: number; length: number }[] = [];
  const footerAt = bytes - footerBytes;
  for (let offset = 0; offset < footerAt; offset += pieceBytes) {
    pieces.push({ offset, length: Math.min(pieceBytes, footerAt - offset) });
  }
  if (footerBytes > 0) pieces.push({ offset: footerAt, length: footerBytes });
  return pieces;
}

function footerProblem(tail: Uint8Array, entry: FileEntry): string | undefined {
  try {
    const footer = readFooter(tail);
    if (footer.bytes !== entry.footerBytes) {
      return `footer is ${footer.bytes} bytes, ${metaFile} says ${entry.footerBytes}`;
    }
    if (footer.rows === entry.rows) return undefined;
    return `has ${footer.rows} rows, ${metaFile} says ${entry.rows}`;
  } catch (error) {
    if (!isFailure(error, 'corrupt')) throw error;
    return messageOf(error);
  }
}

/** Bytes by the name below `prefix`. */
async function listSizes(bucket: Bucket, prefix: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const listed = await bucket.list(prefix, { delimiter: '/', ...(cursor && { cursor }) });
    for (const { key, bytes } of listed.objects) sizes.set(key.slice(prefix.length), bytes);
    cursor = listed.cursor;
    if (cursor === undefined) break;
  }
  return sizes;
}

async function isThere(bucket: Bucket, key: string): Promise<boolean> {
  try {
    await bucket.head(key);
    return true;
  } catch (error) {
    if (isFailure(error, 'missing')) return false;
    throw error;
  }
}
