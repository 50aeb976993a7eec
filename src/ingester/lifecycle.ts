// The life of a service: New → Starting → Running → Stopping → Terminated or Failed. Owns which
// step may follow which, and the first failure, which readiness names.
import { assert, messageOf } from '../errors.ts';

export type ServiceState = 'New' | 'Starting' | 'Running' | 'Stopping' | 'Terminated' | 'Failed';

const successors: Readonly<Record<ServiceState, readonly ServiceState[]>> = {
  New: ['Starting', 'Terminated'],
  Starting: ['Running', 'Stopping', 'Failed'],
  Running: ['Stopping', 'Failed'],
  Stopping: ['Terminated', 'Failed'],
  // A failed service is still stopped, so that nothing is left running; it stays failed.
  Failed: [],
  Terminated: [],
};

export class Lifecycle {
  #state: ServiceState = 'New';
  #failure: string | undefined;

  get state(): ServiceState {
    return this.#state;
  }

  /** Why the service failed, in one line; undefined unless it did. */
  get failure(): string | undefined {
    return this.#failure;
  }

  enter(state: ServiceState): void {
    assert(successors[this.#state].includes(state), `${this.#state} is not followed by ${state}`);
    this.#state = state;
  }

  /** Moves to Failed, naming the part that failed; the first failure stays. */
  fail(part: string, error: unknown): void {
    if (this.#state === 'Terminated' || this.#state === 'Failed') return;
    this.#failure = `${part}: ${messageOf(error)}`;
    this.enter('Failed');
  }
}

/** A part that a service starts first and stops last; one that fails fails its owner. */
export interface SubService {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Does what is due; answers when it next wants to be called, in wall milliseconds. */
  tick(nowMs: number): Promise<number>;
}
