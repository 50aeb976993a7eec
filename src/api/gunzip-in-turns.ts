// Inflating a large gzip body beside other requests. Owns that: a quarter of a gigabyte takes up to
// a second, which nobody should wait for. Small ones are inflated at once, by the platform.
// https://developer.mozilla.org/docs/Web/API/DecompressionStream
import { Failure, messageOf } from '../errors.ts';
import { inflatedTooLarge } from '../lib/inflate.ts';

/** Inflates to a thousand times as much at the most, some ten milliseconds of work. */
const pieceBytes = 8 * 1024;

const copyBytes = 4 << 20;

export interface InTurns {
  /**
   * What the stream says that it inflates to. It may lie: memory that is not written to costs
   * nothing, and what does not fit is moved.
   */
  promisedBytes: number;
  /** Awaited between pieces. */
  giveWay: () => Promise<void>;
  /** Told of every piece before it is kept. */
  take: (bytes: number) => void;
}

/** As `Platform.gunzip`, and throws what `take` throws. */
export async function gunzipInTurns(
  bytes: Uint8Array<ArrayBuffer>,
  bytesMax: number,
  { promisedBytes, giveWay, take }: InTurns,
): Promise<Uint8Array<ArrayBuffer>> {
  let isOver = false;
  const pieces = piecesOf(bytes, () => isOver);
  const reader = pieces.pipeThrough(new DecompressionStream('gzip')).getReader();
  let whole = new Uint8Array(Math.min(bytesMax, Math.max(promisedBytes, pieceBytes)));
  let byteLength = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const end = byteLength + value.byteLength;
      if (end > bytesMax) throw inflatedTooLarge('gzip', bytesMax);
      take(value.byteLength);
      if (end > whole.byteLength) whole = await grown(whole, byteLength, end, bytesMax, giveWay);
      whole.set(value, byteLength);
      byteLength = end;
      await giveWay();
    }
  } catch (error) {
    isOver = true;
    await drain(reader, giveWay);
    if (error instanceof Failure) throw error;
    throw new Failure('invalid', `gzip: ${messageOf(error)}`, { cause: error });
  }
  return whole.subarray(0, byteLength);
}

/** Twice the room, with what was written so far. */
async function grown(
  whole: Uint8Array<ArrayBuffer>,
  byteLength: number,
  end: number,
  bytesMax: number,
  giveWay: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  const larger = new Uint8Array(Math.min(bytesMax, Math.max(end, 2 * whole.byteLength)));
  for (let at = 0; at < byteLength; at += copyBytes) {
    larger.set(whole.subarray(at, Math.min(byteLength, at + copyBytes)), at);
    await giveWay();
  }
  return larger;
}

function piecesOf(
  bytes: Uint8Array<ArrayBuffer>,
  isOver: () => boolean,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at < bytes.byteLength && !isOver()) {
        controller.enqueue(bytes.slice(at, at + pieceBytes));
        at += pieceBytes;
      } else controller.close();
    },
  });
}

/**
 * Reads what was put in already. Cancelling would be shorter, but Node throws at nobody when a
 * piece that is being inflated comes after it.
 */
async function drain(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  giveWay: () => Promise<void>,
): Promise<void> {
  try {
    while (!(await reader.read()).done) await giveWay();
  } catch {
    // Of course it is broken: it was cut short.
  }
}
