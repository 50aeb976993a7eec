// Compiles the head kernel from the file beside the sources, for runtimes with a file system.
// Workers import the same file as a compiled module instead.
import { readFile } from 'node:fs/promises';

/** The compiled module for `Platform.headModule`; under 48 KB of code. */
export async function loadHeadModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL('../gen/head.wasm', import.meta.url)));
}
