// One push for the objects of a tenant: to each the profiles that are its own, as any push. Owns
// that nothing is acknowledged before all of them have, that a routing which has ended is asked for
// again, and that what they refuse reads as if one had.
import { Failure, isFailure } from '../errors.ts';
import {
  ProfilesRefused,
  type PushedProfile,
  type RefusedProfile,
  refusalText,
} from '../ingester/contract.ts';
import { finalLabels } from '../model/labels.ts';
import { ask, type PushParts, type PushReply, type Send } from './calls.ts';
import { type Routing, shardNames, shardOf } from './routing.ts';

/** What one push follows. */
export interface PushRouting {
  current: Routing;
  /** Others that the same profiles may have been pushed under. */
  past: readonly Routing[];
}

export interface SpreadPushOptions {
  /** `refused`: a shard takes no more of this epoch. */
  routingOf: (tenant: string, refused?: number) => Promise<PushRouting>;
  /** Stores profiles at one object. */
  pushTo: (
    shard: string,
    tenant: string,
    routing: PushRouting,
    profiles: readonly PushedProfile[],
  ) => Promise<PushReply>;
}

interface Placed {
  /** Of the profile in the request. */
  index: number;
  profile: PushedProfile;
}

interface Outcome {
  refused: RefusedProfile[];
  /** What was refused as a whole, to be sent again or not; the others may be stored. */
  failure: unknown;
  stale: readonly Placed[];
}

/** Routings that may end during one push; each ends for a change of the settings. */
const attemptsMax = 4;

/** Pushes as `IngesterService.push` does; `region` is where the request came from, if known. */
export async function pushSpread(
  tenant: string,
  region: string | undefined,
  profiles: readonly PushedProfile[],
  options: SpreadPushOptions,
): Promise<void> {
  let left: readonly Placed[] = profiles.map((profile, index) => ({ index, profile }));
  const refused: RefusedProfile[] = [];
  let routing = await options.routingOf(tenant);
  for (let attempt = 1; ; attempt++) {
    const groups = grouped(tenant, region, routing.current, left);
    const outcomes = await Promise.all(
      [...groups].map(([shard, group]) => pushGroup(shard, tenant, routing, group, options)),
    );
    refused.push(...outcomes.flatMap((outcome) => outcome.refused));
    const failures = outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
    // What is to be sent again comes first: what was wrong for good is found again then.
    const retryable = failures.find((failure) => !isFailure(failure, 'invalid'));
    if (retryable !== undefined) throw retryable;
    if (failures.length > 0 && groups.size === 1 && attempt === 1) throw failures[0];
    left = outcomes.flatMap(({ stale }) => stale);
    if (left.length === 0) break;
    if (attempt === attemptsMax) throw changing(tenant);
    routing = await options.routingOf(tenant, routing.current.epoch);
  }
  throwRefused(refused, profiles.length);
}

function grouped(
  tenant: string,
  region: string | undefined,
  routing: Routing,
  profiles: readonly Placed[],
): ReadonlyMap<string, Placed[]> {
  const groups = new Map<string, Placed[]>();
  const isOne = shardNames(tenant, routing).length === 1;
  for (const placed of profiles) {
    const labels = isOne ? [] : finalLabels(placed.profile.labels);
    const shard = shardOf(tenant, routing, labels, region);
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, [placed]);
    else group.push(placed);
  }
  return groups;
}

async function pushGroup(
  shard: string,
  tenant: string,
  routing: PushRouting,
  group: readonly Placed[],
  { pushTo }: SpreadPushOptions,
): Promise<Outcome> {
  const outcome: Outcome = { refused: [], failure: undefined, stale: [] };
  const profiles = group.map(({ profile }) => profile);
  try {
    const reply = await pushTo(shard, tenant, routing, profiles);
    return reply?.isStale === true ? { ...outcome, stale: group } : outcome;
  } catch (error) {
    if (error instanceof ProfilesRefused) {
      const refused = error.refused.map(({ index, failure }) => {
        return { index: (group[index] as Placed).index, failure };
      });
      return { ...outcome, refused };
    }
    if (!isFailure(error, 'invalid')) return { ...outcome, failure: error };
    // Of one profile it is about that; of several, about what they are together.
    const refused = group.map(({ index }) => ({ index, failure: error }));
    return { ...outcome, refused, failure: group.length > 1 ? error : undefined };
  }
}

function throwRefused(refused: readonly RefusedProfile[], profileCount: number): void {
  const [first, ...others] = refused.toSorted((a, b) => a.index - b.index);
  if (first === undefined) return;
  if (profileCount === 1) throw first.failure;
  throw new ProfilesRefused(refusalText([first, ...others], profileCount), [first, ...others]);
}

function changing(tenant: string): Failure {
  const message = `objects of tenant ${tenant} are changing, ${attemptsMax} attempts were made`;
  return new Failure('unavailable', message, { retryAfterSeconds: 1 });
}

/** Profiles of one call at the most; Workers carry 32 MiB. */
const callBytesMax = 24 * 2 ** 20;

/** Sends profiles to another object, in several calls when they are large. */
export async function pushRemote(
  send: Send,
  shard: string,
  { current: { epoch }, past }: PushRouting,
  profiles: readonly PushedProfile[],
): Promise<PushReply> {
  const refused: RefusedProfile[] = [];
  for (const { from, part } of inParts(profiles)) {
    try {
      const reply = await ask(send, shard, 'push', { epoch, past, ...packed(part) });
      // What was stored of it so far is known by its keys when it comes again.
      if (reply !== undefined) return reply;
    } catch (error) {
      if (part.length === profiles.length || !isFailure(error, 'invalid')) throw error;
      const failures =
        error instanceof ProfilesRefused
          ? error.refused
          : part.map((_, index) => ({ index, failure: error }));
      for (const { index, failure } of failures) refused.push({ index: from + index, failure });
    }
  }
  throwRefused(refused, profiles.length);
  return undefined;
}

function* inParts(profiles: readonly PushedProfile[]) {
  let from = 0;
  let bytes = 0;
  for (const [i, { body }] of profiles.entries()) {
    if (body.byteLength > callBytesMax) {
      const message = `profile ${i} is ${body.byteLength} bytes, limit ${callBytesMax} here`;
      throw new Failure('invalid', message, { reason: 'profile_size_limit' });
    }
    if (bytes + body.byteLength > callBytesMax) {
      yield { from, part: profiles.slice(from, i) };
      from = i;
      bytes = 0;
    }
    bytes += body.byteLength;
  }
  yield { from, part: profiles.slice(from) };
}

function packed(profiles: readonly PushedProfile[]): Omit<PushParts, 'epoch' | 'past'> {
  const ends: number[] = [];
  let end = 0;
  for (const { body } of profiles) {
    end += body.byteLength;
    ends.push(end);
  }
  const bodies = new Uint8Array(end);
  for (const [i, { body }] of profiles.entries()) {
    bodies.set(body, (ends[i] as number) - body.byteLength);
  }
  return { labels: profiles.map(({ labels }) => labels), ends, bodies };
}

/** The profiles of `packed`; their bodies are views. */
export function unpacked({ labels, ends, bodies }: PushParts): PushedProfile[] {
  return labels.map((one, i) => ({
    labels: one,
    body: bodies.subarray(i === 0 ? 0 : ends[i - 1], ends[i]),
  }));
}
