// The instantiated modules of one kernel and their memory. Owns instantiation and the typed
// exports; what the calls mean is in `kernel.ts`, and which bytes lie where is in `wasm/ABI.md`.
import { Failure, messageOf } from '../errors.ts';

/**
 * Exports of `wasm/index.ts` that `kernel.ts` calls: numbers in and out, addresses come back
 * signed. Those of the content key, the seal and the query module are declared where they are
 * called.
 */
export interface KernelExports {
  start(seedLow: number, seedHigh: number): number;
  details(): number;
  stats(): number;
  memoryTop(): number;
  mustSeal(): number;
  markPointer(): number;
  mark(): void;
  rollback(): number;
  digest(): bigint;
  columnAt(column: number): number;
  inputReserve(bytes: number): number;
  inputPointer(): number;
  inputLength(): number;
  ignoredReserve(count: number): number;
  scan(stackDepth: number, stringBytes: number, ignored: number): number;
  factsPointer(): number;
  trimScratch(): void;
  planReserve(): number;
  append(): number;
  sealRelease(): void;
}

/** Compiled modules of a kernel, which share its memory. */
export interface KernelModules {
  readonly head: WebAssembly.Module;
  /** Instantiated when the first query asks for it. */
  readonly query: WebAssembly.Module;
}

/** Bytes of a page of WebAssembly memory. */
export const pageBytes = 65_536;

/** Pages that the module's own data needs. */
const pagesMin = 2;

/** What is left of the 4 GiB that addresses reach: the last page keeps `end` from wrapping. */
const pagesMax = 65_535;

/** Makes the memory of one kernel. Throws `unavailable` when there is no address space for it. */
export function createMemory(bytesMax: number): WebAssembly.Memory {
  const pages = Math.floor(bytesMax / pageBytes);
  if (pages < pagesMin) {
    throw new Failure(
      'internal',
      `kernel memory is ${bytesMax} bytes, needs ${pagesMin * pageBytes}`,
    );
  }
  try {
    return new WebAssembly.Memory({ initial: pagesMin, maximum: Math.min(pages, pagesMax) });
  } catch (cause) {
    throw new Failure('unavailable', `no memory for a kernel: ${messageOf(cause)}`, { cause });
  }
}

/** Runs the head module on `memory`, which must be all zero where the module was running before. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as unknown as KernelExports;
}

/** Runs the query module on the memory of `head`, whose allocator and columns it uses. */
export function instantiateQuery(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  head: KernelExports,
): WebAssembly.Exports {
  const imports = { env: { memory }, head: head as unknown as WebAssembly.ModuleImports };
  try {
    return new WebAssembly.Instance(module, imports).exports;
  } catch (cause) {
    throw new Failure('unavailable', `no room for a query module: ${messageOf(cause)}`, { cause });
  }
}
