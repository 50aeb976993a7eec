// Reading from sources: opens and closes them, asks several at once and takes their answers in one
// order. Owns bounded parallelism, the one retry after retention deleted a block under its reader,
// and that a failure names the source it came from. An answer is whole or an error.
import { Failure, isFailure, messageOf } from '../errors.ts';
import type {
  OpenSources,
  QueryMeter,
  Source,
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
   * result does not depend on who was faster. Answers wait for their turn, at most `parallelMax`.
   */
  ask<T>(
    sources: readonly NamedSource[],
    question: (source: Source, meter: QueryMeter) => Promise<T>,
    take: (answer: T) => Promise<void> | void,
  ): Promise<void>;
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
  const { provider, tenants, meter, parallelMax } = options;
  return {
    meter,
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
      askInOrder(sources, Math.max(1, parallelMax), meter, question, take),
  };
}

type Outcome<T> = { answer: T } | { error: unknown };

async function askInOrder<T>(
  sources: readonly NamedSource[],
  limit: number,
  meter: Meter,
  question: (source: Source, meter: QueryMeter) => Promise<T>,
  take: (answer: T) => Promise<void> | void,
): Promise<void> {
  const stop = new AbortController();
  const shared = stoppable(meter, stop.signal);
  const failures: unknown[] = [];
  const askOne = async ({ name, source }: NamedSource): Promise<Outcome<T>> => {
    try {
      return { answer: await question(source, shared) };
    } catch (cause) {
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
      if ('answer' in outcome && failures.length === 0) await take(outcome.answer);
    }
  } catch (error) {
    failures.push(error);
    stop.abort(error);
  }
  // Sources are closed next: nobody may still be reading then.
  await Promise.all(waiting);
  if (failures.length > 0) throw failures[0];
}

/** The meter, whose signal also ends the questions of one `ask`. */
function stoppable(meter: Meter, stop: AbortSignal): QueryMeter {
  const signal = AbortSignal.any([meter.signal, stop]);
  return {
    signal,
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
