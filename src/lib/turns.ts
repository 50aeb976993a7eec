// So many at a time, the others in the order they came, and no more than so many of those. Owns
// the two bounds.
import { Failure } from '../errors.ts';

export interface TurnsOptions {
  /** For messages: `queries`. */
  what: string;
  runningMax: number;
  waitingMax: number;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it is the caller's turn, to what ends it; call that once. Rejects with the
   * signal's reason when it is aborted meanwhile, and with `limit` when too many wait already.
   */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { runningMax } = this.#options;
    if (this.#running < runningMax) this.#running++;
    else await this.#wait(signal);
    return () => this.#next();
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { what, runningMax, waitingMax } = this.#options;
    if (this.#waiting.size >= waitingMax) {
      const message = `${runningMax} ${what} run and ${waitingMax} wait, the limit`;
      throw new Failure('limit', message, { reason: 'query_limit', retryAfterSeconds: 1 });
    }
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      this.#waiting.add(start);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Hands the turn on, so that nobody overtakes who waits. */
  #next(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
