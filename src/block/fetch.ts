// The bytes of a block's files, as planned: asked for in order, a few at a time, counted before
// they are asked for and checked when they come. Every error names the block and the file.
import type { XXHashAPI } from 'xxhash-wasm';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import { freeBytes } from '../lib/free-bytes.ts';
import type { QueryMeter } from '../model/source.ts';
import type { ColumnChunk } from './footers.ts';
import type { FileEntry } from './meta.ts';
import type { ByteSpan, PlannedGroup, ReadPlan } from './read-plan.ts';

/** Where one block's files are. */
export interface BlockPlace {
  bucket: Bucket;
  /** Of the block's keys: `<ULID>/`. */
  prefix: string;
  ulid: string;
}

/** Ranges under way or waiting to be decoded: bounds memory to as many times `rangeBytesMax`. */
const aheadMax = 4;

/** The whole file. Throws `corrupt` when it is not the one that `meta.json` means. */
export async function fetchFile(
  place: BlockPlace,
  entry: FileEntry,
  hasher: XXHashAPI,
  meter: QueryMeter,
): Promise<Uint8Array> {
  meter.fetch(entry.bytes);
  return inFile(place, entry.name, meter.signal, async () => {
    const { signal } = meter;
    const bytes = await place.bucket.get(place.prefix + entry.name, { signal });
    if (bytes.length !== entry.bytes) {
      throw new Failure('corrupt', `is ${bytes.length} bytes, meta.json says ${entry.bytes}`);
    }
    const checksum = hasher.h64Raw(bytes).toString(16).padStart(16, '0');
    if (checksum === entry.checksum) return bytes;
    throw new Failure('corrupt', `has checksum ${checksum}, meta.json says ${entry.checksum}`);
  });
}

/** The end of the file that holds its footer. */
export async function fetchFooter(
  place: BlockPlace,
  entry: FileEntry,
  meter: QueryMeter,
): Promise<Uint8Array> {
  const { bytes, footerBytes } = entry;
  if (footerBytes === 0 || footerBytes > bytes) {
    const message = `block ${place.ulid}: ${entry.name} has a footer of ${footerBytes} bytes`;
    throw new Failure('corrupt', `${message} in ${bytes}`);
  }
  const span = { offset: bytes - footerBytes, length: footerBytes };
  return fetchRange(place, entry, span, meter, meter.signal);
}

async function fetchRange(
  place: BlockPlace,
  entry: FileEntry,
  span: ByteSpan,
  meter: QueryMeter,
  signal: AbortSignal,
): Promise<Uint8Array> {
  meter.fetch(span.length);
  return inFile(place, entry.name, signal, async () => {
    const bytes = await place.bucket.getRange(place.prefix + entry.name, span, { signal });
    if (bytes.length === span.length) return bytes;
    const end = span.offset + span.length;
    throw new Failure('corrupt', `ends at byte ${span.offset + bytes.length} of ${end}`);
  });
}

export interface FetchedGroup {
  planned: PlannedGroup;
  /** Bytes of one of its planned chunks. */
  bytesOf(chunk: ColumnChunk): Uint8Array;
}

/**
 * Row group by row group, when its ranges are there; their bytes are void when the next group is
 * asked for. Leaving early ends what is under way.
 */
export async function* fetchPlan(
  place: BlockPlace,
  entry: FileEntry,
  plan: ReadPlan,
  meter: QueryMeter,
): AsyncGenerator<FetchedGroup, void, void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([meter.signal, stop.signal]);
  const ranges: (Promise<Uint8Array> | undefined)[] = [];
  const held = new Map<number, Uint8Array>();
  const startUpTo = (end: number) => {
    while (ranges.length < Math.min(end, plan.ranges.length)) {
      const span = plan.ranges[ranges.length] as ByteSpan;
      const range = fetchRange(place, entry, span, meter, signal);
      // The first failure is thrown where it is awaited; those behind it have no reader.
      range.catch(ignoreUnread);
      ranges.push(range);
    }
  };
  try {
    for (const planned of plan.groups) {
      startUpTo(Math.max(planned.lastRange + 1, planned.firstRange + aheadMax));
      // Ranges before this group's are done with.
      ranges.fill(undefined, 0, planned.firstRange);
      for (const [i, bytes] of held) {
        if (i >= planned.firstRange) continue;
        held.delete(i);
        freeBytes([bytes]);
      }
      const bytes = new Map<number, Uint8Array>();
      for (let i = planned.firstRange; i <= planned.lastRange; i++) {
        const range = (await ranges[i]) as Uint8Array;
        held.set(i, range);
        bytes.set(i, range);
      }
      yield { planned, bytesOf: (chunk) => bytesOf(plan, planned, chunk, bytes) };
    }
  } finally {
    stop.abort();
    freeBytes(held.values());
  }
}

function bytesOf(
  plan: ReadPlan,
  planned: PlannedGroup,
  chunk: ColumnChunk,
  ranges: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  const range = planned.chunks.find((one) => one.chunk === chunk)?.range ?? -1;
  const bytes = ranges.get(range);
  const span = plan.ranges[range];
  if (bytes === undefined || span === undefined) {
    throw new Failure('internal', `column ${chunk.leaf.path.join('.')} was not planned`);
  }
  const at = chunk.offset - span.offset;
  return bytes.subarray(at, at + chunk.bytes);
}

/** Runs `work` and names the block and the file in what it throws, aborts apart. */
export async function inFile<T>(
  place: BlockPlace,
  file: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error;
    throw fileFailure(place, file, error);
  }
}

/** The same failure with the block and the file before its message. */
export function fileFailure(place: BlockPlace, file: string, error: Failure): Failure {
  const message = `block ${place.ulid}: ${file}: ${messageOf(error)}`;
  const { retryAfterSeconds } = error;
  const retry = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new Failure(error.kind, message, { cause: error, ...retry });
}

function ignoreUnread(): undefined {
  return undefined;
}
