// What the doors may ask of the ingester. Owns the shapes of its calls, so that the API can be
// tested without a head and the ingester without HTTP.
import type { Label } from '../model/labels.ts';

/** One pprof of a push with the labels of its series, as sent. */
export interface PushedProfile {
  labels: readonly Label[];
  /** Plain or gzip pprof; may be a view into the request body. */
  body: Uint8Array;
}

export interface IngesterService {
  /**
   * Resolves once every profile is acknowledged. Retryable refusals (`limit`, `unavailable`) are
   * thrown before anything is stored. Permanent ones (`invalid`) are thrown after the good profiles
   * of the request are stored and committed; the message names each refused one. A request that
   * could never be let in as a whole is `invalid` too, and nothing of it is stored.
   */
  push(tenant: string, profiles: readonly PushedProfile[]): Promise<void>;
  /** Writes the heads of one tenant, or of all, to blocks; resolves when they are durable. */
  flush(tenant?: string): Promise<void>;
  /** Undefined when pushes are accepted; otherwise the reason in one line. */
  notReadyReason(): string | undefined;
}
