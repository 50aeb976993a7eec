// Reading from sources: opens and closes them, asks several at once and takes their answers in one
// order. Owns bounded parallelism, that a source is asked only when there is memory for it, the one
// retry after retention deleted a block under its reader, and that a failure names the source it
// came from. An answer is whole or an error.
import { Failure, isFailure, messageOf } from '../errors.ts';
import type { MemoryBudget, MemoryLease } from '../lib/memory-budget.ts';
import type {
  OpenSources,
  QueryMeter,
  Source,
  SourceCall,
  SourceMeter,
  SourceProvider,
  TimeRange,
} from '../model/source.ts';
import type { Meter } from './meter.ts';

export interface ReadOptions {
  provider: SourceProvider;
  /** Distinct. */
  tenants: readonly string[];
  meter: Meter;
  /** Most sources asked at once; 0: one after the other. */
  parallelMax: number;
  /** Of all queries. */
  memory: MemoryBudget;
}

/** What a source is asked, and the call that this is, for the memory that it takes. */
export interface Question<T> {
  call: SourceCall;
  ask: (source: Source, meter: SourceMeter) => Promise<T>;
}

/** A source and how messages name it. */
export interface NamedSource {
  name: string;
  source: Source;
}

/** One attempt at a query: what it opens stays open until the attempt ends. */
export interface Reading {
  /** By tenant as given, then as the provider orders them. */
  open(range: TimeRange | undefined): Promise<readonly NamedSource[]>;
  /**
   * Asks every source and hands the answers to `take` in the order of the sources, so that the
   * result does not depend on who was faster. Answers wait for their turn, at most `parallelMax`;
   * the memory of one is given back when it has been taken.
   */
  ask<T>(
    sources: readonly NamedSource[],
    question: Question<T>,
    take: (answer: T) => Promise<void> | void,
  ): Promise<void>;
  /** What is kept between answers, until it is released. */
  hold(): MemoryLease;
  readonly meter: QueryMeter;
}

/** What a query did, for the metrics. */
export interface ReadFacts {
  sourceCount: number;
}

/**
 * Runs `attempt`, and once more from the beginning when a source is `missing`: the second time the
 * provider no longer lists it. `attempt` must keep no state between the two.
 */
export async function read<T>(
  options: ReadOptions,
  facts: ReadFacts,
  attempt: (reading: Reading) => Promise<T>,
): Promise<T> {
  try {
    return await readOnce(options, facts, attempt);
  } catch (error) {
    if (!isFailure(error, 'missing')) throw error;
    return await readAgain(options, facts, attempt);
  }
}

async function readAgain<T>(
  options: ReadOptions,
  facts: ReadFacts,
  attempt: (reading: Reading) => Promise<T>,
): Promise<T> {
  try {
    return await readOnce(options, facts, attempt);
  } catch (error) {
    if (!isFailure(error, 'missing')) throw error;
    // What the client asked for is there; blocks go faster than they are read.
    throw new Failure('unavailable', error.message, { cause: error, retryAfterSeconds: 1 });
  }
}

async function readOnce<T>(
  options: ReadOptions,
  facts: ReadFacts,
  attempt: (reading: Reading) => Promise<T>,
): Promise<T> {
  const opened: OpenSources[] = [];
  try {
    return await attempt(createReading(options, facts, opened));
  } finally {
    for (const one of opened) one.close();
  }
}

function createReading(options: ReadOptions, facts: ReadFacts, opened: OpenSources[]): Reading {
  const { provider, tenants, meter, parallelMax, memory } = options;
  return {
    meter,
    hold: () => memory.hold(),
    async open(range) {
      const named: NamedSource[] = [];
      for (const tenant of tenants) {
        const one = await provider.open(tenant, range, meter);
        opened.push(one);
        const prefix = tenants.length > 1 ? `tenant ${tenant}, ` : '';
        for (const source of one.sources) named.push({ name: prefix + source.name, source });
      }
      facts.sourceCount += named.length;
      return named;
    },
    ask: (sources, question, take) =>
      askInOrder(sources, Math.max(1, parallelMax), options, question, take),
  };
}

type Outcome<T> = { answer: T; lease: MemoryLease } | { error: unknown };

async function askInOrder<T>(
  sources: readonly NamedSource[],
  limit: number,
  { meter, memory }: ReadOptions,
  { call, ask }: Question<T>,
  take: (answer: T) => Promise<void> | void,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([meter.signal, stop.signal]);
  const failures: unknown[] = [];
  // The first source of a query never waits for a later one's memory: leases are given in order.
  const askOne = async ({ name, source }: NamedSource): Promise<Outcome<T>> => {
    let lease: MemoryLease | undefined;
    try {
      lease = await memory.lease(source.memoryOf(call), 'reading it', signal);
      return { answer: await ask(source, meterOf(meter, signal, lease)), lease };
    } catch (cause) {
      lease?.release();
      // The first failure ends the others at their next pause; theirs only say so.
      const error = ofSource(name, cause, meter);
      failures.push(error);
      stop.abort(error);
      return { error };
    }
  };
  const waiting: Promise<Outcome<T>>[] = [];
  let next = 0;
  try {
    while (failures.length === 0 && (next < sources.length || waiting.length > 0)) {
      while (next < sources.length && waiting.length < limit) {
        waiting.push(askOne(sources[next++] as NamedSource));
      }
      const outcome = await (waiting.shift() as Promise<Outcome<T>>);
      if (!('answer' in outcome)) continue;
      try {
        if (failures.length === 0) await take(outcome.answer);
      } finally {
        outcome.lease.release();
      }
    }
  } catch (error) {
    failures.push(error);
    stop.abort(error);
  }
  // Sources are closed next: nobody may still be reading then.
  for (const outcome of await Promise.all(waiting)) {
    if ('answer' in outcome) outcome.lease.release();
  }
  if (failures.length > 0) throw failures[0];
}

/** The meter as one source sees it; the signal also ends the questions of one `ask`. */
function meterOf(meter: Meter, signal: AbortSignal, lease: MemoryLease): SourceMeter {
  return {
    signal,
    takes: (bytes) => lease.resize(bytes),
    fetch: (bytes) => {
      signal.throwIfAborted();
      meter.fetch(bytes);
    },
    pause: async () => {
      signal.throwIfAborted();
      await meter.pause();
    },
  };
}

/** The failure with the source's name; its kind stays. */
function ofSource(name: string, cause: unknown, meter: Meter): unknown {
  // An aborted or overspent query is nobody's failure.
  const reason = meter.stopReason;
  if (reason !== undefined && cause === reason) return cause;
  if (!isFailure(cause)) {
    return new Failure('internal', `${name}: ${messageOf(cause)}`, { cause });
  }
  const { kind, reason: label, retryAfterSeconds } = cause;
  return new Failure(kind, `${name}: ${cause.message}`, {
    cause,
    ...(label === undefined ? {} : { reason: label }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
