// How many bytes all requests in flight may hold together. Owns the count; whoever makes bytes
// takes, whoever began the request gives back when it is answered.
import { Failure } from '../errors.ts';

/** What one request holds. */
export interface ByteLease {
  /** Throws `unavailable`, and takes nothing, when the requests in flight would hold too much. */
  take(bytes: number): void;
  /** Gives back everything; the lease may not be used afterwards. */
  release(): void;
}

/**
 * Answers leases of one budget; `what` names the bytes in messages. A request that is alone is
 * never refused: its own bounds suffice, and it would never get through otherwise.
 */
export function createByteBudget(bytesMax: number, what: string): () => ByteLease {
  let taken = 0;
  return () => {
    let own = 0;
    return {
      take(bytes) {
        const others = taken - own;
        if (others > 0 && taken + bytes > bytesMax) {
          const held = `requests in flight hold ${taken} ${what} bytes and ask for ${bytes} more`;
          throw new Failure('unavailable', `${held}, limit ${bytesMax}`, {
            reason: 'memory_limit',
            retryAfterSeconds: 1,
          });
        }
        own += bytes;
        taken += bytes;
      },
      release() {
        taken -= own;
        own = 0;
      },
    };
  };
}
