// The profiles of one request, read and checked one after the other. Owns what holds for them
// together before there is any question of room: how much a request may inflate to.
import { Failure, isFailure } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { PushedProfile, RefusedProfile } from './contract.ts';
import { type Prepared, planProfile, type ReadProfile, readProfile } from './prepare.ts';
import { type PushContext, slicer } from './push-context.ts';

/** A request once each of its profiles was looked at. */
export interface PreparedRequest {
  prepared: Prepared[];
  refusals: RefusedProfile[];
  /** What the refused profiles count against the rate, those that could be read. */
  refusedSize: number;
}

/**
 * Reads and checks every profile. Throws `invalid` for the request as a whole when no retry could
 * get it through: it inflates to too much, or to more than the rate limit ever lets in at once.
 */
export async function prepareAll(
  profiles: readonly PushedProfile[],
  context: PushContext,
): Promise<PreparedRequest> {
  const { limits, recentKeys } = context;
  const request: PreparedRequest = { prepared: [], refusals: [], refusedSize: 0 };
  const refuse = (index: number, error: unknown, size: number) => {
    if (!isFailure(error, 'invalid')) throw error;
    request.refusals.push({ index, failure: error });
    request.refusedSize += size;
  };
  const giveWay = slicer(context);
  let bytes = 0;
  let newSize = 0;
  for (const [index, pushed] of profiles.entries()) {
    if (index > 0) await giveWay();
    let read: ReadProfile;
    try {
      read = readProfile(pushed, context);
    } catch (error) {
      refuse(index, error, 0);
      continue;
    }
    const isKnown = recentKeys.get(read.contentKey) !== undefined;
    bytes += read.profile.length;
    if (!isKnown) newSize += read.size;
    // Here and not at the end, so that a small request cannot fill the memory.
    assertPush(bytes, newSize, limits);
    if (read.profile !== pushed.body) context.inflated.take(read.profile.length);
    try {
      request.prepared.push(planProfile(read, context, isKnown));
    } catch (error) {
      refuse(index, error, read.size);
    }
  }
  return request;
}

function assertPush(bytes: number, newSize: number, limits: Readonly<Limits>): void {
  const { pushBytesMax, ingestBytesPerSecond, ingestBurstBytes } = limits;
  if (bytes > pushBytesMax) {
    throw new Failure(
      'invalid',
      `profiles of the push inflate to more than ${pushBytesMax} bytes, the limit (pushBytesMax)`,
      { reason: 'body_size_limit_exceeded' },
    );
  }
  if (ingestBytesPerSecond > 0 && newSize > ingestBurstBytes) {
    const limit = `limit ${ingestBurstBytes} (ingestBurstBytes)`;
    const message = `push of ${newSize} bytes or more is never let in, ${limit}`;
    throw new Failure('invalid', `${message}: send it in parts`, { reason: 'rate_limited' });
  }
}
