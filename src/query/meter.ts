// What one query may spend. Owns the counting: bytes fetched, time, and when to let others run;
// the bounds are the tenant's limits. One meter a query, shared by all its sources.
import { Failure } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { QueryMeter } from '../model/source.ts';
import type { Clock } from '../platform.ts';

/**
 * Work between two yields. A push takes several turns, and waits for a slice and the step that ends
 * it in each: with 10 ms, pushes' p99 beside two queries was twice as long on Bun.
 */
const sliceMs = 5;

export interface MeterOptions {
  /** The request's: aborts the query. */
  signal: AbortSignal;
  clock: Pick<Clock, 'monotonicMs'>;
  /** A turn for others, shared by all queries (`own-turns.ts`): one of them goes on in a turn. */
  yield: () => Promise<void>;
  limits: Pick<Limits, 'queryBytesMax' | 'queryTimeMaxMs'>;
}

/** Counts from the moment it is made. */
export class Meter implements QueryMeter {
  readonly signal: AbortSignal;
  readonly #options: MeterOptions;
  readonly #startedMs: number;
  #yieldedMs: number;
  #bytes = 0;
  #refusal: Failure | undefined;

  constructor(options: MeterOptions) {
    this.signal = options.signal;
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
    this.#yieldedMs = this.#startedMs;
  }

  /** Bytes counted so far. */
  get bytesFetched(): number {
    return this.#bytes;
  }

  /** Since the meter was made. */
  get elapsedMs(): number {
    return this.#options.clock.monotonicMs() - this.#startedMs;
  }

  /** Why the query must end: it was aborted, or the meter refused. Undefined: it need not. */
  get stopReason(): unknown {
    return this.signal.aborted ? this.signal.reason : this.#refusal;
  }

  fetch(bytes: number): void {
    const { queryBytesMax } = this.#options.limits;
    const total = this.#bytes + bytes;
    if (queryBytesMax > 0 && total > queryBytesMax) {
      const message = `query needs ${total} bytes or more, query bytes limit ${queryBytesMax}`;
      throw this.#refuse(message);
    }
    this.#bytes = total;
  }

  async pause(): Promise<void> {
    this.#assertMayRun();
    const { clock } = this.#options;
    if (clock.monotonicMs() - this.#yieldedMs < sliceMs) return;
    try {
      await this.#options.yield();
    } finally {
      this.#yieldedMs = clock.monotonicMs();
    }
    this.#assertMayRun();
  }

  #assertMayRun(): void {
    this.signal.throwIfAborted();
    const { queryTimeMaxMs } = this.#options.limits;
    const elapsedMs = Math.ceil(this.elapsedMs);
    if (queryTimeMaxMs === 0 || elapsedMs <= queryTimeMaxMs) return;
    throw this.#refuse(`query ran for ${elapsedMs} ms, query time limit ${queryTimeMaxMs} ms`);
  }

  #refuse(message: string): Failure {
    this.#refusal ??= new Failure('limit', message, { reason: 'query_limit' });
    return this.#refusal;
  }
}
