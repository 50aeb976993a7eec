// Zstandard by zstd-codec, behind our own reading of the frame headers. Owns the bounds: a frame's
// sizes are checked before the codec sees a byte, and its output is counted piece by piece. The
// codec is for inputs: it has one fixed heap of 16 MiB, shared by all calls.
import type { Binding } from 'zstd-codec/lib/module.js';
import { run } from 'zstd-codec/lib/module.js';
import { Failure } from '../errors.ts';
import { inflatedTooLarge } from '../lib/inflate.ts';
import { splitZstdFrames, type ZstdFrame } from '../lib/zstd-frame.ts';

/** Inflates; throws `invalid` for damaged bytes and for more than `bytesMax` bytes of output. */
export type Unzstd = (bytes: Uint8Array, bytesMax: number) => Uint8Array;

// What every encoder up to level 19 stays within and every decoder is asked to support
// (https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.1.1.2), and half of the codec's heap.
const windowBytesMax = 8 << 20;

let loading: Promise<Unzstd> | undefined;

/** Compiles the codec on the first call; later calls answer the same function. */
export function createZstd(): Promise<Unzstd> {
  loading ??= new Promise((resolve) => {
    // The binding has a `then` of its own: it must stay inside a function, never resolve a promise.
    run((binding) => resolve((bytes, bytesMax) => unzstd(binding, bytes, bytesMax)));
  });
  return loading;
}

function unzstd(binding: Binding, bytes: Uint8Array, bytesMax: number): Uint8Array {
  const sink = new Sink(bytesMax);
  for (const frame of splitZstdFrames(bytes, { bytesMax, windowBytesMax })) {
    inflateFrame(binding, bytes, frame, sink);
  }
  return sink.take();
}

function inflateFrame(binding: Binding, bytes: Uint8Array, frame: ZstdFrame, sink: Sink): void {
  const bytesBefore = sink.bytes;
  const output = (chunk: Uint8Array) => sink.add(chunk);
  const stream = new binding.ZstdDecompressStreamBinding();
  try {
    let isWell = stream.begin();
    for (let index = 1; isWell && index < frame.cuts.length; index += 1) {
      isWell = stream.transform(bytes.subarray(frame.cuts[index - 1], frame.cuts[index]), output);
      sink.assertBound();
    }
    if (!isWell || !stream.end(output)) throw new Failure('invalid', 'zstd: damaged data');
  } finally {
    stream.delete();
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
