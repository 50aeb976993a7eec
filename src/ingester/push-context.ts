// What a push works with, and how it gives way to others.
import type { ByteLease } from '../lib/byte-budget.ts';
import type { ActiveSeries } from '../limits/active-series.ts';
import type { Limits } from '../limits/limits.ts';
import type { TokenBucket } from '../limits/token-bucket.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Labels } from '../model/labels.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Clock } from '../platform.ts';
import type { Wal } from '../wal/wal.ts';
import type { Room } from './admit.ts';
import type { RecentKeys } from './recent-keys.ts';

/** A profile by what tells it from others. */
export interface KeyedProfile {
  labels: Labels;
  contentKey: Uint8Array;
}

/** Answers for each profile, none of which is known here, whether another place has stored it. */
export type AskKnown = (profiles: readonly KeyedProfile[]) => Promise<boolean[]>;

export interface PushContext {
  tenant: string;
  receivedMs: number;
  limits: Readonly<Limits>;
  database: Phlaredb;
  wal: Wal;
  recentKeys: RecentKeys;
  bucket: TokenBucket;
  activeSeries: ActiveSeries;
  /** Takes what the profiles of the request inflate to. */
  inflated: Pick<ByteLease, 'take'>;
  gunzip: (bytes: Uint8Array, bytesMax: number) => Uint8Array;
  room: () => Room;
  metrics: Metrics;
  /** Lets others run; awaited between the profiles of a request that takes long. */
  pause: () => Promise<void>;
  clock: Pick<Clock, 'monotonicMs'>;
  /** Present while profiles may be stored elsewhere that are sent here again. */
  known?: AskKnown | undefined;
}

/** A request with many profiles gives way to others after this long. */
const sliceMs = 3;

/** Calls `before` and awaits `pause` when more than a slice has passed since it last did. */
export function slicer({ clock, pause }: PushContext, before?: () => void): () => Promise<void> {
  let startMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - startMs < sliceMs) return;
    before?.();
    await pause();
    startMs = clock.monotonicMs();
  };
}
