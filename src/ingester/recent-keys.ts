// One tenant's content keys of the last minutes: what makes a client's retry an acknowledgement of
// the original instead of a second copy. Independent of heads and blocks; at start it is filled
// from the log, or the log is asked. Two generations: a key is known for at least one window and at
// most two.

/** Known, and durable or on its way there. */
export type Known = 'durable' | Promise<void>;

export interface RecentKeysOptions {
  windowMs: number;
  /** Keys of one generation; a tenant that pushes more has a shorter window. About 100 B each. */
  keysMax: number;
}

export class RecentKeys {
  readonly #options: RecentKeysOptions;
  #young = new Map<string, Known>();
  #old = new Map<string, Known>();
  #youngSinceMs: number;
  /** Of profiles that were durable at the start. */
  #earlier: { isKnown: (key: Uint8Array) => boolean; untilMs: number } | undefined;

  /** Times are monotonic: a wall clock that is set must not make a retry a second copy. */
  constructor(options: RecentKeysOptions, monotonicMs: number) {
    this.#options = options;
    this.#youngSinceMs = monotonicMs;
  }

  /** Whether the key was seen in the window, and whether its profile is durable yet. */
  get(key: Uint8Array): Known | undefined {
    const name = nameOf(key);
    const known = this.#young.get(name) ?? this.#old.get(name);
    return known ?? (this.#earlier?.isKnown(key) ? 'durable' : undefined);
  }

  /** Asks `isKnown` as well, of keys that are not here: for one window at least. */
  addEarlier(isKnown: (key: Uint8Array) => boolean, monotonicMs: number): void {
    this.#earlier = { isKnown, untilMs: monotonicMs + this.#options.windowMs };
  }

  /** Notes a key whose profile is durable, or will be when the promise resolves. */
  add(key: Uint8Array, known: Known, monotonicMs: number): void {
    const isOver = monotonicMs - this.#youngSinceMs >= this.#options.windowMs;
    if (isOver || this.#young.size >= this.#options.keysMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngSinceMs = monotonicMs;
    }
    if (monotonicMs >= (this.#earlier?.untilMs ?? 0)) this.#earlier = undefined;
    this.#young.set(nameOf(key), known);
  }

  /** The profile of a key is durable now. */
  settle(key: Uint8Array): void {
    const name = nameOf(key);
    if (this.#young.has(name)) this.#young.set(name, 'durable');
    else if (this.#old.has(name)) this.#old.set(name, 'durable');
  }

  /** The profile was refused after all: a retry is new. */
  forget(key: Uint8Array): void {
    const name = nameOf(key);
    this.#young.delete(name);
    this.#old.delete(name);
  }
}

/**
 * Sixteen bytes as eight characters: strings make good map keys, arrays do not. Written out because
 * a start names half a million of them.
 */
function nameOf(key: Uint8Array): string {
  const pair = (at: number) => (key[at] as number) | ((key[at + 1] as number) << 8);
  return String.fromCharCode(
    pair(0),
    pair(2),
    pair(4),
    pair(6),
    pair(8),
    pair(10),
    pair(12),
    pair(14),
  );
}
