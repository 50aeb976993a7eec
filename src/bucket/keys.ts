// What a key, a prefix, a range and a page may be. Owns the checks that every driver makes first,
// so that all of them refuse the same things with the same words.
import { Failure } from '../errors.ts';
import type { ByteRange } from './bucket.ts';

/** S3's bound on a key, in bytes of UTF-8. */
export const keyBytesMax = 1024;
/** S3's bound on a page of a listing. */
export const pageSizeMax = 1000;
/** The file that makes a folder a block: written last, deleted first. */
export const metaName = 'meta.json';

// The XML of a listing cannot carry control characters, U+FFFE and U+FFFF, and UTF-8 cannot carry
// half a surrogate pair. With the `u` flag \p{Cs} matches unpaired surrogates only.
const unstorable = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

const encoder = new TextEncoder();

/** Throws `invalid` unless `key` can name an object in every store. */
export function validateKey(key: string): void {
  if (key === '') throw new Failure('invalid', 'object key is empty');
  validateText('object key', key);
  for (const segment of key.split('/')) validateSegment('object key', key, segment);
}

/** Throws `invalid` unless some key could start with `prefix`. */
export function validatePrefix(prefix: string): void {
  validateText('prefix', prefix);
  const segments = prefix.split('/');
  // The last one may still grow: `.` is the beginning of `.a`.
  segments.pop();
  for (const segment of segments) validateSegment('prefix', prefix, segment);
}

/** Throws `invalid` unless `prefix` names a folder: a key and a slash. */
export function validateFolder(prefix: string): void {
  if (!prefix.endsWith('/')) {
    throw new Failure('invalid', `folder ${JSON.stringify(prefix)} does not end in a slash`);
  }
  validateKey(prefix.slice(0, -1));
}

/** Throws `invalid` unless `name` is one segment that is not `meta.json`. */
export function validateStageName(name: string): void {
  validateKey(name);
  if (name.includes('/') || name === metaName) {
    throw new Failure(
      'invalid',
      `file name ${JSON.stringify(name)} of a stage must be one segment and not ${metaName}`,
    );
  }
}

/** True when `key` passes `validateKey`: for keys that others may have stored. */
export function isKey(key: string): boolean {
  try {
    validateKey(key);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** Throws `invalid` unless `range` is made of whole numbers, offset ≥ 0, length and suffix ≥ 1. */
export function validateRange(range: ByteRange): void {
  const isGood =
    'suffix' in range
      ? Number.isSafeInteger(range.suffix) && range.suffix >= 1
      : Number.isSafeInteger(range.offset) &&
        range.offset >= 0 &&
        Number.isSafeInteger(range.offset + range.length) &&
        range.length >= 1;
  if (!isGood) throw new Failure('invalid', `byte range ${JSON.stringify(range)} is not valid`);
}

/** Where `range` lies in an object of `bytes` bytes; length 0 when it lies outside. */
export function resolveRange(range: ByteRange, bytes: number): { offset: number; length: number } {
  const offset = 'suffix' in range ? Math.max(0, bytes - range.suffix) : range.offset;
  const end = 'suffix' in range ? bytes : Math.min(bytes, range.offset + range.length);
  return { offset, length: Math.max(0, end - offset) };
}

/** The page size asked for, or the most there is; throws `invalid` outside 1 … 1000. */
export function validatePageSize(pageSize: number = pageSizeMax): number {
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > pageSizeMax) {
    throw new Failure('invalid', `page size is ${pageSize}, must be from 1 to ${pageSizeMax}`);
  }
  return pageSize;
}

function validateText(what: string, text: string): void {
  // No unit of UTF-16 is less than a byte, so the length alone decides for the longest ones.
  const bytes = text.length > keyBytesMax ? text.length : encoder.encode(text).length;
  if (bytes > keyBytesMax) {
    throw new Failure('invalid', `${what} is ${bytes} bytes, limit ${keyBytesMax}`);
  }
  if (unstorable.test(text)) {
    throw new Failure('invalid', `${what} ${JSON.stringify(text)} has a character no store keeps`);
  }
}

function validateSegment(what: string, text: string, segment: string): void {
  if (segment !== '' && segment !== '.' && segment !== '..') return;
  throw new Failure(
    'invalid',
    `${what} ${JSON.stringify(text)} has the segment ${JSON.stringify(segment)}`,
  );
}
