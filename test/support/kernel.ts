// Kernels for tests: the module as it is committed, and small appends. Owns no expectations.
import type { AppendPlan, ScanFacts } from '../../src/kernel/facts.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { kernelModules } from './kernel-modules.ts';

export function createKernel(bytesMax = 64 << 20, seed: readonly [number, number] = [7, 11]) {
  return new Kernel(kernelModules, { bytesMax, seed });
}

/** A plan that gives every group and type a series of its own: group * types + type. */
export function planOf(facts: ScanFacts, changes: Partial<AppendPlan> = {}): AppendPlan {
  const groups = facts.groups.length;
  const cells = groups * facts.sampleTypes.length;
  return {
    timeNs: 1_700_000_000_000_000_000n,
    uuid: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
    groupTargets: Uint32Array.from({ length: groups }, (_, i) => i),
    series: Uint32Array.from({ length: cells }, (_, i) => i),
    ...changes,
  };
}

/** Scans and appends with `planOf`. */
export function ingest(kernel: Kernel, bytes: Uint8Array, changes: Partial<AppendPlan> = {}) {
  return kernel.append(planOf(kernel.scan(bytes), changes));
}
