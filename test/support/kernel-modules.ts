// The kernel's modules, compiled from their files: those that are committed, or of the folder
// `PHLOX_KERNEL`, where `wasm/build.mjs --guarded` has written them. Suites inside workerd, which
// has neither, get `test/workers/kernel-modules.ts` in its place.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelModules } from '../../src/kernel/instance.ts';

const committed = fileURLToPath(new URL('../../src/gen', import.meta.url));
const folder = process.env['PHLOX_KERNEL'] ?? committed;
const compile = (name: string) =>
  new WebAssembly.Module(readFileSync(resolve(folder, `${name}.wasm`)));

export const kernelModules: KernelModules = { head: compile('head'), query: compile('query') };
