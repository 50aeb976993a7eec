// Inflating a large gzip body beside other requests. Owns that: a quarter of a gigabyte takes up to
// a second, which nobody should wait for. Small ones are inflated at once, by the platform.
// https://developer.mozilla.org/docs/Web/API/DecompressionStream
import { Failure, messageOf } from '../errors.ts';
import { inflatedTooLarge } from '../lib/inflate.ts';
import { joinInTurns } from './join-in-turns.ts';

/** Inflates to a thousand times as much at the most, some ten milliseconds of work. */
const pieceBytes = 8 * 1024;

export interface InTurns {
  /** Awaited between pieces. */
  giveWay: () => Promise<void>;
  /** Told of every piece before it is kept. */
  take: (bytes: number) => void;
}

/** As `Platform.gunzip`, and throws what `take` throws. */
export async function gunzipInTurns(
  bytes: Uint8Array<ArrayBuffer>,
  bytesMax: number,
  { giveWay, take }: InTurns,
): Promise<Uint8Array<ArrayBuffer>> {
  let isOver = false;
  const pieces = piecesOf(bytes, () => isOver);
  const reader = pieces.pipeThrough(new DecompressionStream('gzip')).getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let byteLength = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      byteLength += value.byteLength;
      if (byteLength > bytesMax) throw inflatedTooLarge('gzip', bytesMax);
      take(value.byteLength);
      chunks.push(value);
      await giveWay();
    }
  } catch (error) {
    isOver = true;
    await drain(reader, giveWay);
    if (error instanceof Failure) throw error;
    throw new Failure('invalid', `gzip: ${messageOf(error)}`, { cause: error });
  }
  return joinInTurns(chunks, byteLength, giveWay);
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
