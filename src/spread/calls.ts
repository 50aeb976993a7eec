// What the objects of a tenant, and the Worker in front of them, say to each other: plain data that
// any structured clone carries. Owns the shapes, and how a failure crosses with its kind.
import { Failure, type FailureKind, isFailure, messageOf } from '../errors.ts';
import { ProfilesRefused, type RefusedProfile } from '../ingester/contract.ts';
import type { Label, Labels } from '../model/labels.ts';
import type {
  PointQuery,
  PointSeries,
  SeriesQuery,
  StackPart,
  StackQuery,
} from '../model/source.ts';
import type { Routing } from './routing.ts';

/** What pushes are to follow, as a tenant's home answers. */
export interface RoutingAnswer {
  current: Routing;
  /** What was followed lately: what was sent then may be sent again for so long. */
  past: readonly { routing: Routing; leftMs: number }[];
}

/** Profiles that go to one object. Bodies lie back to back; body i ends at `ends[i]`. */
export interface PushParts {
  epoch: number;
  /** Routings that others of the tenant's objects may have got the same profiles under. */
  past: readonly Routing[];
  labels: readonly (readonly Label[])[];
  ends: readonly number[];
  bodies: Uint8Array;
}

/** Undefined when the profiles are stored; else the object takes no more of this epoch. */
export type PushReply = { isStale: true } | undefined;

/** A head that is pinned in its object, as one of a view. */
export interface HeadFacts {
  ulid: string;
  startNs: bigint;
  endNs: bigint;
  /** About what its largest answer takes. */
  answerBytes: number;
}

/** What an object has in no block, of the moment of the answer. */
export interface ViewFacts {
  /** Names the view until it is closed; empty when there is nothing to read. */
  view: string;
  heads: HeadFacts[];
  /** Another one when a block was written since, or the object was started again. */
  stamp: string;
  /** The object takes no pushes of epochs up to this one. */
  closedUpTo: number;
  /** Nothing that it has acknowledged is in no block, and no push is under way. */
  isDrained: boolean;
}

type Plain<Query extends { selector: unknown }> = Omit<Query, 'selector'> & {
  matchers: { name: string; operator: string; value: string }[];
};
export type PlainSeriesQuery = Plain<SeriesQuery>;
export type PlainStackQuery = Plain<StackQuery>;
export type PlainPointQuery = Plain<PointQuery>;

interface InView {
  view: string;
  ulid: string;
}

/** Every call: what is said, and what is answered. */
export interface Calls {
  /** To a home. `refused`: a shard takes no more of this epoch. */
  routing: [{ refused?: number | undefined }, RoutingAnswer];
  push: [PushParts, PushReply];
  /** For each key whether its profile is stored here. */
  knows: [{ keys: readonly Uint8Array[] }, boolean[]];
  /** Resolves when no push of epochs up to this one is under way or will be taken. */
  close: [{ epoch: number }, undefined];
  flush: [undefined, undefined];
  view: [undefined, ViewFacts];
  series: [InView & { query: PlainSeriesQuery }, Labels[]];
  stacks: [InView & { query: PlainStackQuery }, StackPart | undefined];
  points: [InView & { query: PlainPointQuery }, PointSeries[]];
  closeView: [{ view: string }, undefined];
}

export type CallName = keyof Calls;

/** A call on its way. `to` is the name of the object that it is for, which learns it so. */
export interface Message<Name extends CallName = CallName> {
  to: string;
  name: Name;
  body: Calls[Name][0];
}

export type Reply<Name extends CallName = CallName> =
  | { answer: Calls[Name][1] }
  | { failure: PlainFailure };

/** Carries a message to its object; rejects with `unavailable` when that is not reachable. */
export type Send = <Name extends CallName>(message: Message<Name>) => Promise<Reply<Name>>;

export interface PlainFailure {
  kind: FailureKind;
  message: string;
  reason?: string | undefined;
  retryAfterSeconds?: number | undefined;
  refused?: readonly { index: number; failure: PlainFailure }[];
}

/** Makes a call. Throws the failure that is answered. */
export async function ask<Name extends CallName>(
  send: Send,
  to: string,
  name: Name,
  body: Calls[Name][0],
): Promise<Calls[Name][1]> {
  const reply = await send({ to, name, body });
  if ('failure' in reply) throw failureOf(reply.failure);
  return reply.answer;
}

/** What was thrown, as it crosses; what is no failure is a bug of ours and `internal`. */
export function plainFailure(error: unknown): PlainFailure {
  if (!isFailure(error)) return { kind: 'internal', message: messageOf(error) };
  const { kind, message, reason, retryAfterSeconds } = error;
  const plain: PlainFailure = { kind, message, reason, retryAfterSeconds };
  if (!(error instanceof ProfilesRefused)) return plain;
  const refused = error.refused.map(({ index, failure }) => {
    return { index, failure: plainFailure(failure) };
  });
  return { ...plain, refused };
}

function failureOf(plain: PlainFailure): Failure {
  const { kind, message, reason, retryAfterSeconds, refused = [] } = plain;
  const [first, ...others] = refused.map(
    ({ index, failure }): RefusedProfile => ({ index, failure: failureOf(failure) }),
  );
  if (first !== undefined) return new ProfilesRefused(message, [first, ...others]);
  return new Failure(kind, message, {
    ...(reason !== undefined && { reason }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}
