// Compiles parquet-wasm's module from the installed package, for runtimes with a file system.
// Workers import the same file as a compiled module instead.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** The module for `Platform.parquetModule`: about 5 MB of code, to be compiled once a process. */
export async function loadParquetModule(): Promise<WebAssembly.Module> {
  // `import.meta.resolve` does not work in Deno once a test runner has transformed the file.
  const { resolve } = createRequire(import.meta.url);
  return WebAssembly.compile(await readFile(resolve('parquet-wasm/esm/parquet_wasm_bg.wasm')));
}
