// A small file that an operator edits while the server runs. Owns when it is looked at, and the
// rule that what was read last and made sense stays in force until something newer makes sense.
// Reading is the runtime's (`EditedFile`), meaning is the caller's (`parse`).
import { messageOf } from '../errors.ts';
import type { EditedFile } from '../platform.ts';

export interface WatchedFileOptions<T> {
  file: EditedFile;
  /** A larger file is refused unread. */
  bytesMax: number;
  /** Throws `invalid` for what is wrong in the text. */
  parse: (text: string) => T | Promise<T>;
  /** What changed is in force when this is called; not called for the value read at start. */
  onChange?: (value: T) => void;
  /** Called once for each version of the file that cannot be used; the one before stays. */
  onRefused: (message: string) => void;
}

/** A look is one `stat`; an operator who revokes something does not want to wait. */
const checkMs = 1_000;

/** A sub-service: started before the first request, ticked, never failing after its start. */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #value: T;
  #stamp: string | undefined;
  #checkAtMs = Number.NEGATIVE_INFINITY;

  /** `initial` is in force until `start`. */
  constructor(initial: T, options: WatchedFileOptions<T>) {
    this.#value = initial;
    this.#options = options;
  }

  get name(): string {
    return this.#options.file.path;
  }

  /** What is in force. */
  get value(): T {
    return this.#value;
  }

  /** Reads the file. Throws `invalid`, with its path, when it is not there or makes no sense. */
  async start(): Promise<void> {
    // The stamp first: a change while it is read is seen at the next look.
    this.#stamp = await this.#options.file.stamp();
    this.#value = await this.#read();
  }

  /** Reads the file again when it has changed. Never rejects. */
  async tick(nowMs: number): Promise<number> {
    // A wall clock that was set back must not stop the looking.
    const isDue = nowMs >= this.#checkAtMs || nowMs < this.#checkAtMs - checkMs;
    if (!isDue) return this.#checkAtMs;
    this.#checkAtMs = nowMs + checkMs;
    const stamp = await this.#options.file.stamp();
    if (stamp === this.#stamp) return this.#checkAtMs;
    this.#stamp = stamp;
    try {
      this.#value = await this.#read();
    } catch (error) {
      this.#options.onRefused(messageOf(error));
      return this.#checkAtMs;
    }
    this.#options.onChange?.(this.#value);
    return this.#checkAtMs;
  }

  /** Nothing runs between ticks. */
  stop(): Promise<void> {
    return Promise.resolve();
  }

  async #read(): Promise<T> {
    const { file, bytesMax, parse } = this.#options;
    return parse(await file.read(bytesMax));
  }
}
