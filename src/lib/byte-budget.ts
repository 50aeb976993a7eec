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

/** Begins a lease of the owner's. */
export type LeaseBytes = (owner?: string) => ByteLease;

/**
 * Answers leases of one budget; `what` names the bytes in messages. A request that is alone is
 * never refused: its own bounds suffice, and it would never get through otherwise. Nor is one that
 * is its owner's only one for what that owner holds: owners have `ownerShare` of it at the most.
 */
export function createByteBudget(bytesMax: number, what: string, ownerShare = 1): LeaseBytes {
  const ownerMax = bytesMax * ownerShare;
  const byOwner = new Map<string, number>();
  /** No owner counts for more than its share, so that who is alone leaves the rest to others. */
  const counted = (bytes: number) => Math.min(bytes, ownerMax);
  let taken = 0;
  const move = (owner: string, from: number, to: number) => {
    taken += counted(to) - counted(from);
    if (to === 0) byOwner.delete(owner);
    else byOwner.set(owner, to);
  };
  return (owner = '') => {
    let own = 0;
    return {
      take(bytes) {
        const owners = byOwner.get(owner) ?? 0;
        const more = counted(owners + bytes) - counted(owners);
        if (taken > counted(own) && taken + more > bytesMax) {
          throw tooMuch('requests', taken, what, bytes, bytesMax);
        }
        if (owners > own && owners + bytes > ownerMax) {
          throw tooMuch('requests of the tenant', owners, what, bytes, ownerMax);
        }
        own += bytes;
        move(owner, owners, owners + bytes);
      },
      release() {
        const owners = byOwner.get(owner) ?? 0;
        move(owner, owners, owners - own);
        own = 0;
      },
    };
  };
}

function tooMuch(who: string, held: number, what: string, more: number, limit: number): Failure {
  const message = `${who} in flight hold ${held} ${what} bytes and ask for ${more} more`;
  return new Failure('unavailable', `${message}, limit ${limit}`, {
    reason: 'memory_limit',
    retryAfterSeconds: 1,
  });
}
