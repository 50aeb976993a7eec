// The kernel's modules as workerd gives them: imported, compiled before anything runs.
import head from '../../src/gen/head.wasm';
import query from '../../src/gen/query.wasm';
import type { KernelModules } from '../../src/kernel/instance.ts';

export const kernelModules: KernelModules = { head, query };
