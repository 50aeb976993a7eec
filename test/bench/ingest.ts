// What the benches share of the kernel's calls: making one, and taking in a profile whose every
// (label group, sample type) is a series of its own.
import { readFileSync } from 'node:fs';
import type { AppendPlan } from '../../src/kernel/facts.ts';
import { Kernel } from '../../src/kernel/kernel.ts';

export function readWasm(name: 'head' | 'query'): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../src/gen/${name}.wasm`, import.meta.url)));
}

/** A kernel that may take 2 GiB. The seed is fixed: runs differ by the machine alone. */
export async function createKernel(): Promise<Kernel> {
  const [head, query] = await Promise.all([
    WebAssembly.compile(readWasm('head')),
    WebAssembly.compile(readWasm('query')),
  ]);
  return new Kernel({ head, query }, { bytesMax: 2 ** 31, seed: [0x5eed, 0xfeed] });
}

/** Series numbers of one profile, counted from `first`. */
export function planOf(groupCount: number, typeCount: number, first = 0): AppendPlan {
  return {
    timeNs: 1_700_000_000_000_000_000n,
    uuid: new Uint8Array(16),
    groupTargets: Uint32Array.from({ length: groupCount }, (_, group) => group),
    series: Uint32Array.from({ length: groupCount * typeCount }, (_, slot) => first + slot),
  };
}

/** Scans and appends; `firstSeries` leaves room between profiles of different series. */
export function ingest(kernel: Kernel, bytes: Uint8Array, firstSeries = 0): void {
  const { groups, sampleTypes } = kernel.scan(bytes);
  kernel.append(planOf(groups.length, sampleTypes.length, firstSeries));
}
