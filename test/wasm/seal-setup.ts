// What the tests of seal and merge share: kernels, the final order of their rows, and the plainest
// descriptions to build others from.
import { Kernel } from '../../src/kernel/kernel.ts';
import { kernelModules } from '../support/kernel-modules.ts';
import {
  appendProfile,
  type FrameSpec,
  type ModelRow,
  type ProfileSpec,
  type SampleSpec,
} from './seal-profiles.ts';

/** An empty kernel; two seeds make two of everything that is random. */
export function kernelOf(seed: number, bytesMax = 64 << 20): Kernel {
  return new Kernel(kernelModules, { bytesMax, seed: [seed, ~seed >>> 0] });
}

/** Appends the profiles; the kernel must have the rows of the model afterwards. */
export function appendAll(kernel: Kernel, specs: readonly ProfileSpec[]): ModelRow[] {
  const before = kernel.stats().rows;
  const rows = specs.flatMap((spec) => appendProfile(kernel, spec));
  const { rows: after } = kernel.stats();
  if (after !== before + rows.length) throw new Error(`${after - before} rows, not ${rows.length}`);
  return rows;
}

/** Row numbers by (series, time, uuid), the rank of each one's series, and the rows in order. */
export function finalOrder(rows: readonly ModelRow[]) {
  const uuid = (row: ModelRow) => Array.from(row.profile.uuid, (byte) => byte + 256).join();
  const key = ({ series, profile }: ModelRow, at: number) =>
    `${series} ${profile.timeNs} ${uuid(rows[at] as ModelRow)}`;
  const order = Array.from(rows.keys()).toSorted((a, b) =>
    key(rows[a] as ModelRow, a) < key(rows[b] as ModelRow, b) ? -1 : 1,
  );
  const sorted = order.map((at) => rows[at] as ModelRow);
  const names = [...new Set(sorted.map((row) => row.series))];
  const seriesIds = Uint32Array.from(sorted, (row) => names.indexOf(row.series));
  return { rowOrder: Uint32Array.from(order), seriesIds, sorted };
}

export const plainFrame: FrameSpec = {
  address: 1n,
  isFolded: false,
  mapping: undefined,
  lines: [],
};
export const plainSample: SampleSpec = {
  frames: [plainFrame],
  values: [1n],
  label: '',
  span: '',
  trace: '',
};
export const plainProfile: ProfileSpec = {
  ...{ service: 'svc', timeNs: 1n, uuid: new Uint8Array(16), types: 1, samples: [] },
  ...{ period: 0n, durationNs: 0n, defaultType: '', dropFrames: '', keepFrames: '' },
  ...{ comments: [], skipped: [] },
};
