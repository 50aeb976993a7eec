// What a tenant's database is given: its stores, its bounds, and what a runtime supplies.
import type { Bucket } from '../bucket/bucket.ts';
import type { Fingerprint } from '../model/fingerprint.ts';
import type { FlushQueueOptions } from './flush-queue.ts';

export interface PhlaredbOptions extends FlushQueueOptions {
  fingerprint: Fingerprint;
  nextUlid: () => string;
  /** Inflates a logged body as the push did: for a head that has to be rebuilt. */
  inflate: (body: Uint8Array) => Uint8Array;
  /** Where logged records go that no head can take, and blocks that do not verify. */
  quarantine: Bucket;
  /** Rejects when the signal is aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  headAgeMaxMs: number;
  headBytesMax: number;
  /** With plans: told of each block, in the turn in which its head leaves the queue. */
  onStored?: (() => void) | undefined;
}
