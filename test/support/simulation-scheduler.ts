// Time and order of a simulation: every wait of the simulated process ends here, one at a time, in
// an order that a seed repeats. Owns both clocks; a generation ends with its process, and whoever
// waits in it then waits for ever.
import type { Random } from '../fixtures/random.ts';

interface Waiting {
  name: string;
  go: () => void;
}

interface Sleeper extends Waiting {
  atMs: number;
}

/** 2026-01-02T03:04:05Z. */
const startMs = 1_767_323_045_000;

export class Scheduler {
  /** Tells what ran and when: equal for equal seeds. */
  digest = 0;
  events = 0;
  /** What the last step let go on. */
  lastName = '';
  readonly #random: Random;
  readonly #isFair: boolean;
  #wallMs = startMs;
  #monotonicMs = 0;
  #ready: Waiting[] = [];
  #sleepers: Sleeper[] = [];
  /** When the wall clock was set, and what it showed before. */
  readonly #jumps: { atMs: number; wallMs: number }[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#isFair = random.below(3) === 0;
  }

  get wallMs(): number {
    return this.#wallMs;
  }

  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** As the process measures it: computing takes time, now and then a lot. */
  measureMs(): number {
    if (this.#random.below(30) === 0) this.pass(this.#random.below(15));
    return this.#monotonicMs;
  }

  /** Resolves when it is this caller's turn; rejects when the signal is aborted before. */
  turn(name: string, signal?: AbortSignal): Promise<void> {
    return this.#wait(signal, (go) => {
      const waiting = { name, go };
      this.#ready.push(waiting);
      return () => {
        this.#ready = this.#ready.filter((one) => one !== waiting);
      };
    });
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#wait(signal, (go) => {
      const sleeper = { name: 'sleep', go, atMs: this.#monotonicMs + ms };
      this.#sleepers.push(sleeper);
      return () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
      };
    });
  }

  /** Both clocks go on; who slept long enough is ready. */
  pass(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#monotonicMs);
    if (due.length === 0) return;
    this.#sleepers = this.#sleepers.filter((one) => !due.includes(one));
    this.#ready.push(...due.sort((a, b) => a.atMs - b.atMs));
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#jumps.push({ atMs: this.#monotonicMs, wallMs: this.#wallMs });
    this.#wallMs += ms;
  }

  /** The latest that the wall clock has shown since a monotonic time. */
  wallPeakSince(monotonicMs: number): number {
    const before = this.#jumps.filter(({ atMs }) => atMs >= monotonicMs);
    return Math.max(this.#wallMs, ...before.map(({ wallMs }) => wallMs));
  }

  /** The process is gone, and with it all that it waited for. */
  drop(): void {
    this.#ready = [];
    this.#sleepers = [];
  }

  get isIdle(): boolean {
    return this.#ready.length === 0;
  }

  /** Lets one wait end, and runs what follows from it up to the next waits. False: nobody waits. */
  async step(): Promise<boolean> {
    const at = this.#isFair ? 0 : this.#random.below(this.#ready.length);
    const [next] = this.#ready.splice(at, 1);
    if (next === undefined) return false;
    this.events += 1;
    this.lastName = next.name;
    for (let i = 0; i < next.name.length; i++) {
      this.digest = (Math.imul(this.digest, 31) + next.name.charCodeAt(i)) | 0;
    }
    if (this.#random.below(8) === 0) this.pass(1);
    next.go();
    await settled();
    return true;
  }

  /** Runs up to `count` steps, as long as anybody is ready. */
  async run(count: number): Promise<void> {
    await settled();
    for (let i = 0; i < count && (await this.step()); i++);
  }

  /**
   * Runs until `isDone`, letting time pass when all sleep. False when nobody waits any more, or
   * after `eventsMax` events: then it will never be done.
   */
  async runUntil(isDone: () => boolean, eventsMax = 60_000): Promise<boolean> {
    await settled();
    for (let i = 0; i < eventsMax; i++) {
      if (isDone()) return true;
      if (await this.step()) continue;
      const nextMs = Math.min(...this.#sleepers.map(({ atMs }) => atMs));
      if (nextMs === Number.POSITIVE_INFINITY) return false;
      this.pass(Math.max(0, nextMs - this.#monotonicMs));
    }
    return isDone();
  }

  #wait(signal: AbortSignal | undefined, enter: (go: () => void) => () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const leave = enter(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      const onAbort = () => {
        leave();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/** Resolves when all that could run without waiting has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
