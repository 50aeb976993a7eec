// The kernel's modules as they are committed, compiled from their files. Suites inside workerd,
// which has neither, get `test/workers/kernel-modules.ts` in its place.
import { readFileSync } from 'node:fs';
import type { KernelModules } from '../../src/kernel/instance.ts';

const compile = (name: string) =>
  new WebAssembly.Module(readFileSync(new URL(`../../src/gen/${name}.wasm`, import.meta.url)));

export const kernelModules: KernelModules = { head: compile('head'), query: compile('query') };
