// Zstandard by zstd-codec, on servers. The codec is for inputs: it has one fixed heap of 16 MiB,
// shared by all calls, of which a frame's window may take a half.
import type { Binding } from 'zstd-codec/lib/module.js';
import { run } from 'zstd-codec/lib/module.js';
import { type OpenFrame, type Unzstd, unzstdBy } from './zstd-inflate.ts';

let loading: Promise<Unzstd> | undefined;

/** Compiles the codec on the first call; later calls answer the same function. */
export function createZstd(): Promise<Unzstd> {
  loading ??= new Promise((resolve) => {
    // The binding has a `then` of its own: it must stay inside a function, never resolve a promise.
    run((binding) => resolve(unzstdBy(openFrame(binding))));
  });
  return loading;
}

function openFrame(binding: Binding): OpenFrame {
  return (output) => {
    const stream = new binding.ZstdDecompressStreamBinding();
    const hasBegun = stream.begin();
    return {
      write: (bytes) => hasBegun && stream.transform(bytes, output),
      end: () => hasBegun && stream.end(output),
      free: () => stream.delete(),
    };
  };
}
