// What the doors may ask of the ingester. Owns the shapes of its calls, so that the API can be
// tested without a head and the ingester without HTTP.
import { Failure } from '../errors.ts';
import type { Label } from '../model/labels.ts';

/** One pprof of a push with the labels of its series, as sent. */
export interface PushedProfile {
  labels: readonly Label[];
  /** Plain or gzip pprof; may be a view into the request body. */
  body: Uint8Array;
}

/** A profile of a push that is not stored, by its place in the request. */
export interface RefusedProfile {
  index: number;
  failure: Failure;
}

/** Thrown for a push of several profiles when the others are stored, or were refused as well. */
export class ProfilesRefused extends Failure {
  readonly refused: readonly RefusedProfile[];

  constructor(message: string, refused: readonly [RefusedProfile, ...RefusedProfile[]]) {
    const { failure } = refused[0];
    const { reason } = failure;
    super('invalid', message, { cause: failure, ...(reason !== undefined && { reason }) });
    this.refused = refused;
  }
}

/** Refused profiles that a message names one by one; the rest is counted. */
const namedRefusalsMax = 5;

/** `2 of 9 profiles refused: profile 0: …; profile 4: …`. */
export function refusalText(refused: readonly RefusedProfile[], profileCount: number): string {
  const named = refused.slice(0, namedRefusalsMax);
  const list = named.map(({ index, failure }) => `profile ${index}: ${failure.message}`);
  const more = refused.length - named.length;
  const rest = more > 0 ? `; and ${more} more` : '';
  return `${refused.length} of ${profileCount} profiles refused: ${list.join('; ')}${rest}`;
}

export interface IngesterService {
  /**
   * Resolves once every profile is acknowledged. Retryable refusals (`limit`, `unavailable`) are
   * thrown before anything is stored. Permanent ones are thrown after the good profiles of the
   * request are stored and committed: `ProfilesRefused`, or the bare `invalid` failure of a push
   * of one profile. A request that could never be let in as a whole is a bare `invalid` failure
   * too, and nothing of it is stored.
   */
  push(tenant: string, profiles: readonly PushedProfile[]): Promise<void>;
  /** Writes the heads of one tenant, or of all, to blocks; resolves when they are durable. */
  flush(tenant?: string): Promise<void>;
  /** Undefined when pushes are accepted; otherwise the reason in one line. */
  notReadyReason(): string | undefined;
}
