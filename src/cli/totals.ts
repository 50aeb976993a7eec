// Sums over blocks. Owns the bound on what is remembered of their datasets: there may be more
// services in a bucket than memory, so the rest is summed up under no name.
import type { BlockMeta } from '../block/meta.ts';
import { tableBytes } from './blocks.ts';

/** Names of services and types take some 200 bytes each. */
const datasetsMax = 20_000;

export interface DatasetTotal {
  serviceName: string;
  profileType: string;
  profiles: number;
  samples: number;
}

export interface Totals {
  blocks: number;
  /** Folders whose `meta.json` is wrong, and those that have none. */
  damaged: number;
  unfinished: number;
  profiles: number;
  samples: number;
  /** Of all tables together. */
  rows: number;
  bytes: number;
  /** Milliseconds; undefined without a block. */
  minTime: number | undefined;
  maxTime: number | undefined;
}

/** Of nothing so far. */
export function createTotals(): Totals {
  return {
    blocks: 0,
    damaged: 0,
    unfinished: 0,
    profiles: 0,
    samples: 0,
    rows: 0,
    bytes: 0,
    minTime: undefined,
    maxTime: undefined,
  };
}

/** Adds one block. */
export function addBlock(totals: Totals, meta: BlockMeta): void {
  totals.blocks += 1;
  totals.profiles += meta.stats.numProfiles;
  totals.samples += meta.stats.numSamples;
  totals.rows += meta.files.reduce((sum, { rows }) => sum + rows, 0);
  totals.bytes += tableBytes(meta);
  totals.minTime = Math.min(totals.minTime ?? meta.minTime, meta.minTime);
  totals.maxTime = Math.max(totals.maxTime ?? meta.maxTime, meta.maxTime);
}

/** What is in the datasets of the blocks added, by service and profile type. */
export class DatasetTotals {
  readonly #sums = new Map<string, DatasetTotal>();
  /** True when there were more names than are remembered. */
  isCut = false;

  add({ datasets }: Pick<BlockMeta, 'datasets'>): void {
    for (const { serviceName, profileType, profiles, samples } of datasets) {
      const key = JSON.stringify([serviceName, profileType]);
      let sum = this.#sums.get(key);
      if (sum === undefined) {
        if (this.#sums.size === datasetsMax) {
          this.isCut = true;
          continue;
        }
        sum = { serviceName, profileType, profiles: 0, samples: 0 };
        this.#sums.set(key, sum);
      }
      sum.profiles += profiles[1];
      sum.samples += samples[1];
    }
  }

  get count(): number {
    return this.#sums.size;
  }

  /** The largest by samples, at most `limit`. */
  largest(limit: number): DatasetTotal[] {
    return [...this.#sums.values()].sort((a, b) => b.samples - a.samples).slice(0, limit);
  }
}
