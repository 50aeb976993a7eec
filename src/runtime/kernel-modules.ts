// Compiles the kernel's modules from the files beside the sources, for runtimes with a file system.
// Workers import the same files as compiled modules instead.
import { readFile } from 'node:fs/promises';

/** The compiled module for `Platform.headModule`; under 48 KB of code. */
export async function loadHeadModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL('../gen/head.wasm', import.meta.url)));
}

/** The compiled module for `Platform.queryModule`; under 48 KB of code. */
export async function loadQueryModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL('../gen/query.wasm', import.meta.url)));
}
