// The part of zstd-codec 0.1.5 that is used here; the package has no types of its own.
declare module 'zstd-codec/lib/module.js' {
  /** Called with inflated bytes; the array is a copy and belongs to the callee. */
  export type OutputCallback = (bytes: Uint8Array) => void;

  export interface DecompressStream {
    begin(): boolean;
    /** False when the bytes are damaged. */
    transform(bytes: Uint8Array, output: OutputCallback): boolean;
    end(output: OutputCallback): boolean;
    /** Frees the memory on the heap of the codec. */
    delete(): void;
  }

  export interface Binding {
    ZstdDecompressStreamBinding: new () => DecompressStream;
  }

  /** Compiles the codec and calls back once; the binding looks like a promise but is none. */
  export function run(onReady: (binding: Binding) => void): void;
}
