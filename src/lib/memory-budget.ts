// How much memory work of many may take together, by estimate. Owns the count, the order of those
// that wait, and that one of them always runs: work that is alone gets what it asks for, so that
// nothing waits for ever, up to what the largest may take.
import { Failure } from '../errors.ts';

export interface MemoryBudgetOptions {
  /** For messages: `queries`. */
  what: string;
  /** Most bytes of all together; asked for again at every turn, because others need memory too. */
  bytesMax(): number;
  /** Most bytes of one; more is refused. */
  oneBytesMax: number;
}

/** Memory that was given, until it is released. */
export interface MemoryLease {
  readonly bytes: number;
  /** Corrects the estimate. Waits for nothing: those that come next do. */
  resize(bytes: number): void;
  /** Gives it back; may be called twice. */
  release(): void;
}

interface Waiting {
  bytes: number;
  start(lease: MemoryLease): void;
}

export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  readonly #waiting = new Set<Waiting>();
  #bytes = 0;
  #leases = 0;
  #heldBytes = 0;

  constructor(options: MemoryBudgetOptions) {
    this.#options = options;
  }

  /** Bytes given now, for work and for what it keeps. */
  get bytesUsed(): number {
    return this.#bytes + this.#heldBytes;
  }

  /** Those that wait for memory. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when there is room, in the order of the calls; `name` is what the memory is for.
   * Rejects with the signal's reason when it is aborted meanwhile, and with `limit` for more than
   * one may take.
   */
  async lease(bytes: number, name: string, signal: AbortSignal): Promise<MemoryLease> {
    signal.throwIfAborted();
    const { oneBytesMax } = this.#options;
    if (bytes > oneBytesMax) {
      const message = `${name} takes about ${bytes} bytes of memory, limit ${oneBytesMax}`;
      throw new Failure('limit', message, { reason: 'query_limit' });
    }
    if (this.#waiting.size === 0 && this.#fits(bytes)) return this.#give(bytes);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        start: (lease) => {
          signal.removeEventListener('abort', leave);
          resolve(lease);
        },
      };
      const leave = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
        this.#next();
      };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /**
   * What work keeps between leases, 0 bytes at first. It cannot wait, because who waits for it may
   * be holding leases: `resize` throws `unavailable` for more when all that is kept passes the
   * budget. The only one that keeps anything is held to what the largest may take.
   */
  hold(): MemoryLease {
    let own = 0;
    const set = (bytes: number) => {
      this.#heldBytes += bytes - own;
      own = bytes;
    };
    return {
      get bytes() {
        return own;
      },
      resize: (bytes) => {
        if (bytes > own) this.#assertMayHold(bytes, this.#heldBytes - own);
        set(bytes);
        this.#next();
      },
      release: () => {
        set(0);
        this.#next();
      },
    };
  }

  #assertMayHold(bytes: number, others: number): void {
    const { what, bytesMax, oneBytesMax } = this.#options;
    const most = others > 0 ? Math.min(bytesMax(), oneBytesMax) : oneBytesMax;
    if (others + bytes <= most) return;
    const message = `${what} hold ${others} bytes of memory and need ${bytes} more, limit ${most}`;
    throw new Failure('unavailable', message, { reason: 'memory_limit', retryAfterSeconds: 1 });
  }

  #fits(bytes: number): boolean {
    return this.#leases === 0 || this.bytesUsed + bytes <= this.#options.bytesMax();
  }

  #give(bytes: number): MemoryLease {
    this.#leases++;
    this.#bytes += bytes;
    let [own, isGiven] = [bytes, true];
    return {
      get bytes() {
        return own;
      },
      resize: (now) => {
        if (!isGiven) return;
        this.#bytes += now - own;
        own = now;
        this.#next();
      },
      release: () => {
        if (!isGiven) return;
        isGiven = false;
        this.#leases--;
        this.#bytes -= own;
        this.#next();
      },
    };
  }

  #next(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) return;
      this.#waiting.delete(waiting);
      waiting.start(this.#give(waiting.bytes));
    }
  }
}
