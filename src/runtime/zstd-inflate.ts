// Zstandard behind our own reading of the frame headers, for any codec. Owns the bounds: a frame's
// sizes are checked before the codec sees a byte, and its output is counted piece by piece.
import { Failure } from '../errors.ts';
import { inflatedTooLarge } from '../lib/inflate.ts';
import { splitZstdFrames, type ZstdFrame } from '../lib/zstd-frame.ts';

/** Inflates; throws `invalid` for damaged bytes and for more than `bytesMax` bytes of output. */
export type Unzstd = (bytes: Uint8Array, bytesMax: number) => Uint8Array;

/** One frame in a codec. */
export interface FrameStream {
  /** False when the bytes are damaged. */
  write(bytes: Uint8Array): boolean;
  end(): boolean;
  /** Frees what the codec holds of it. */
  free(): void;
}

/** Opens a stream that hands out inflated bytes, which belong to `output` from then on. */
export type OpenFrame = (output: (chunk: Uint8Array) => void) => FrameStream;

// What every encoder up to level 19 stays within and every decoder is asked to support:
// https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.1.1.2
const windowBytesMax = 8 << 20;

/** Zstandard by a codec that inflates frames. */
export function unzstdBy(open: OpenFrame): Unzstd {
  return (bytes, bytesMax) => {
    const sink = new Sink(bytesMax);
    for (const frame of splitZstdFrames(bytes, { bytesMax, windowBytesMax })) {
      inflateFrame(open, bytes, frame, sink);
    }
    return sink.take();
  };
}

function inflateFrame(open: OpenFrame, bytes: Uint8Array, frame: ZstdFrame, sink: Sink): void {
  const bytesBefore = sink.bytes;
  const stream = open((chunk) => sink.add(chunk));
  try {
    let isWell = true;
    for (let index = 1; isWell && index < frame.cuts.length; index += 1) {
      isWell = stream.write(bytes.subarray(frame.cuts[index - 1], frame.cuts[index]));
      sink.assertBound();
    }
    if (!isWell || !stream.end()) throw new Failure('invalid', 'zstd: damaged data');
  } finally {
    stream.free();
  }
  sink.assertBound();
  const inflatedBytes = sink.bytes - bytesBefore;
  if (frame.contentBytes !== undefined && frame.contentBytes !== inflatedBytes) {
    const told = `the header tells ${frame.contentBytes}`;
    throw new Failure('invalid', `zstd: a frame inflates to ${inflatedBytes} bytes, ${told}`);
  }
}

/** Collects output and counts it. Never throws inside the codec, which could not clean up. */
class Sink {
  bytes = 0;
  readonly #bytesMax: number;
  readonly #chunks: Uint8Array[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Uint8Array): void {
    this.bytes += chunk.byteLength;
    if (this.bytes <= this.#bytesMax) this.#chunks.push(chunk);
  }

  assertBound(): void {
    if (this.bytes > this.#bytesMax) throw inflatedTooLarge('zstd', this.#bytesMax);
  }

  take(): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.byteLength;
    }
    return whole;
  }
}
