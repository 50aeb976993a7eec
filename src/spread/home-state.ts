// What a tenant's home keeps of its spreading. Owns the stored shape and its steps, which are pure:
// a state answers the next one, and `home.ts` makes each durable before anybody acts on it.
import * as v from 'valibot';
import { Failure } from '../errors.ts';
import { shardKeys } from '../limits/limits.ts';
import { type Routing, type Spreading, shardNames, wholeTenant } from './routing.ts';

const stateVersion = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const routing = v.object({ epoch: count, shards: count, key: v.picklist(shardKeys) });
const schema = v.object({
  version: v.literal(stateVersion),
  tenant: v.string(),
  current: routing,
  /** Shards of the current routing are told to take no more of it: it may not be used again. */
  isEnding: v.boolean(),
  /** Ended so lately that what was pushed then may be sent again; the latest comes first. */
  past: v.array(v.object({ routing, endedMs: v.number() })),
  /** Objects besides the home that may hold what is in no block, each with its last epoch. */
  open: v.record(v.string(), count),
});

export type HomeState = v.InferOutput<typeof schema>;

/** Of a tenant that was never spread: nothing is stored. */
export function initialState(tenant: string): HomeState {
  const current = { epoch: 0, ...wholeTenant };
  return { version: stateVersion, tenant, current, isEnding: false, past: [], open: {} };
}

/** Undefined when nothing is stored. Throws `corrupt` for what is no such state. */
export function parseHomeState(stored: unknown): HomeState | undefined {
  if (stored === undefined) return undefined;
  const result = v.safeParse(schema, stored);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue) ?? 'it';
  throw new Failure('corrupt', `routing of the tenant: ${place}: ${issue.message}`);
}

/** Whether the state's routing has to end: others are wanted, or it has begun to. */
export function mustChange(state: HomeState, wanted: Spreading, refused: number | undefined) {
  const { current, isEnding } = state;
  return !isEqual(current, wanted) || isEnding || refused === current.epoch;
}

/** Every shard of the current routing has been closed: another takes its place. */
export function withNext(
  state: HomeState,
  wanted: Spreading,
  nowMs: number,
  windowMs: number,
): HomeState {
  const { tenant, current, past } = state;
  const next: Routing = { epoch: current.epoch + 1, ...wanted };
  const others = shardNames(tenant, next).slice(1);
  return {
    ...state,
    current: next,
    isEnding: false,
    past: [
      { routing: current, endedMs: nowMs },
      // One that comes back and goes again is asked about once.
      ...recent(past, nowMs, windowMs).filter(({ routing }) => !isEqual(routing, current)),
    ],
    open: { ...state.open, ...Object.fromEntries(others.map((name) => [name, next.epoch])) },
  };
}

/** Without an object that holds nothing and takes nothing up to `closedUpTo`, if that is all. */
export function withoutDrained(state: HomeState, name: string, closedUpTo: number): HomeState {
  if (!isRetired(state, name, closedUpTo)) return state;
  const { [name]: _, ...open } = state.open;
  return { ...state, open };
}

/** True when the object is open and nothing can come to it any more. */
export function isRetired({ open, current }: HomeState, name: string, closedUpTo: number): boolean {
  const lastEpoch = open[name];
  return lastEpoch !== undefined && lastEpoch < current.epoch && lastEpoch <= closedUpTo;
}

/** Those that ended within the window; a clock that was set back ends none earlier. */
export function recent(past: HomeState['past'], nowMs: number, windowMs: number) {
  return past.filter(({ endedMs }) => nowMs - endedMs < windowMs);
}

function isEqual(a: Spreading, b: Spreading): boolean {
  return a.shards === b.shards && a.key === b.key;
}
