// Reading a request body within its bounds: declared length, bytes that really arrive, the time
// they take, and what they inflate to. Owns the request's Content-Encoding.
import { Failure, isFailure, messageOf } from '../errors.ts';
import type { ByteLease } from '../lib/byte-budget.ts';
import { isInflatedTooLarge } from '../lib/inflate.ts';
import type { Platform } from '../platform.ts';
import type { Call } from './call.ts';
import { createDeadline, type DeadlinePlatform } from './deadline.ts';
import { bodyTooLarge, Refusal } from './errors.ts';
import { gunzipInTurns, type InTurns } from './gunzip-in-turns.ts';
import { joinInTurns } from './join-in-turns.ts';

export type BodyPlatform = Pick<Platform, 'clock' | 'gunzip' | 'unzstd' | 'yield'> &
  DeadlinePlatform;

/** More takes milliseconds to inflate or to decode: it waits for its turn among what is long. */
const lightBytesMax = 128 << 10;
/** What all the requests in flight may announce, and not send, together: half of their bytes. */
const framedBytesMax = 128 << 10;
/** What is inflated at once, in some ten milliseconds. */
const atOnceBytesMax = 8 << 20;
/** The codec of zstd has one heap for all bodies: they are inflated at once, and so bounded. */
const zstdBytesMax = 32 << 20;

/**
 * Resolves to the inflated body, at most `bytesMax` bytes as received and again after inflating. It
 * may be a view on a larger buffer and belongs to the caller. Throws for an encoding that is not
 * known before anything is read, for bodies over their bounds, and `invalid` for damaged ones.
 */
export type BodyReader = (call: Call, bytesMax: number) => Promise<Uint8Array>;

const contentEncodings = ['identity', 'gzip', 'zstd'] as const;
type ContentEncoding = (typeof contentEncodings)[number];

/** A reader for all doors; `timeMsMax` is how long a whole body may take to arrive. */
export function createBodyReader(platform: BodyPlatform, timeMsMax: number): BodyReader {
  const within = createDeadline(platform, timeMsMax);
  const late = () => {
    const message = `request body took more than ${timeMsMax} ms, the limit`;
    return new Refusal(408, 'deadline_exceeded', message, { Connection: 'close' });
  };
  return async (call, bytesMax) => {
    const body = await readBody(call, platform, bytesMax, (work) => within(work, late));
    if (body.byteLength > lightBytesMax) await platform.yield();
    return body;
  };
}

type InTime = <T>(work: Promise<T>) => Promise<T>;

async function readBody(
  call: Call,
  platform: BodyPlatform,
  bytesMax: number,
  inTime: InTime,
): Promise<Uint8Array> {
  const encoding = contentEncoding(call.request.headers.get('content-encoding'));
  const { giveWay } = call;
  const received = await readReceived(call, bytesMax, inTime, giveWay);
  call.bodyBytes = received.byteLength;
  // An empty body is the empty message whatever encoding it is announced in.
  if (encoding === 'identity' || received.byteLength === 0) return received;
  try {
    if (encoding === 'gzip')
      return await gunzipBody(received, bytesMax, platform, {
        giveWay,
        take: (n) => call.lease.take(n),
      });
    const inflated = platform.unzstd(received, Math.min(zstdBytesMax, bytesMax));
    call.lease.take(inflated.byteLength);
    return inflated;
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    const { reason } = error;
    const options = reason === undefined ? { cause: error } : { cause: error, reason };
    throw new Failure('invalid', `request body: ${error.message}`, options);
  }
}

async function gunzipBody(
  received: Uint8Array<ArrayBuffer>,
  bytesMax: number,
  platform: BodyPlatform,
  turns: Omit<InTurns, 'promisedBytes'>,
): Promise<Uint8Array> {
  const promised = promisedBytes(received);
  if (promised <= atOnceBytesMax) {
    try {
      if (promised > lightBytesMax) await platform.yield();
      const inflated = platform.gunzip(received, Math.min(atOnceBytesMax, bytesMax));
      turns.take(inflated.byteLength);
      return inflated;
    } catch (error) {
      // The trailer tells of the last member only, and a sender may lie in it.
      if (bytesMax <= atOnceBytesMax || !isInflatedTooLarge(error)) throw error;
    }
  }
  return gunzipInTurns(received, bytesMax, { ...turns, promisedBytes: promised });
}

/** What the last four bytes tell that gzip inflates to, modulo 2^32. */
function promisedBytes(bytes: Uint8Array): number {
  if (bytes.byteLength < 4) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(bytes.byteLength - 4, true);
}

function contentEncoding(header: string | null): ContentEncoding {
  const name = header?.trim().toLowerCase() || 'identity';
  const known = contentEncodings.find((encoding) => encoding === name);
  if (known !== undefined) return known;
  const supported = contentEncodings.slice(1).join(', ');
  const message = `content encoding ${JSON.stringify(name)} is not supported, use ${supported}`;
  throw new Refusal(501, 'unimplemented', message, { 'Accept-Encoding': supported });
}

async function readReceived(
  call: Call,
  bytesMax: number,
  inTime: InTime,
  giveWay: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { request, lease } = call;
  const declared = declaredBytes(request.headers);
  if (declared !== undefined) assertReceived(declared, bytesMax);
  // A server cuts a body at its declared length, so that reading it at once is bounded too; with a
  // transfer encoding the declaration does not count. Asking for `body` makes a stream, which Deno
  // takes 35 µs for: the fast way never asks.
  const isFramed =
    declared !== undefined &&
    declared <= framedBytesMax &&
    !request.headers.has('transfer-encoding');
  // A body that does not come takes no room: larger ones are counted as they come.
  if (isFramed) lease.take(declared);
  if (!isFramed && request.body === null) return new Uint8Array(0);
  const reader = isFramed ? undefined : request.body?.getReader();
  const reading = reader
    ? readCounted(reader, lease, bytesMax, giveWay)
    : readFramed(request, bytesMax);
  try {
    return await inTime(reading);
  } catch (error) {
    await reader?.cancel().catch(ignoreClosed);
    if (error instanceof Refusal || error instanceof Failure) throw error;
    // Runtimes differ in what they throw when the connection ends before the body does.
    const message = `request body was not received: ${messageOf(error)}`;
    throw new Refusal(499, 'canceled', message);
  }
}

async function readFramed(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  assertReceived(bytes.byteLength, bytesMax);
  return bytes;
}

async function readCounted(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  lease: ByteLease,
  bytesMax: number,
  giveWay: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let byteLength = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    byteLength += value.byteLength;
    if (byteLength > bytesMax) {
      throw bodyTooLarge(`request body is more than ${bytesMax} bytes, the limit`);
    }
    lease.take(value.byteLength);
    chunks.push(value);
  }
  return joinInTurns(chunks, byteLength, giveWay);
}

/** Undefined when there is no usable declaration: then the bytes are counted as they come. */
function declaredBytes(headers: Headers): number | undefined {
  const declared = headers.get('content-length');
  return declared !== null && /^\d{1,15}$/.test(declared) ? Number(declared) : undefined;
}

function assertReceived(byteLength: number, bytesMax: number): void {
  if (byteLength > bytesMax) {
    throw bodyTooLarge(`request body is ${byteLength} bytes, limit ${bytesMax}`);
  }
}

/** The stream may be closed or broken already: then there is nothing left to give up. */
function ignoreClosed(): undefined {
  return undefined;
}
