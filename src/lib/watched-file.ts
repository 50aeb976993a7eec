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
  /** Called once for each version of the file that cannot be used, and for each reason why. */
  onRefused: (message: string) => void;
}

/** A look is one `stat`; an operator who revokes something does not want to wait. */
const checkMs = 1_000;

/** A sub-service: started before the first request, ticked, never failing after its start. */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #value: T;
  #stamp: string | undefined;
  /** Reading failed, which may be for a moment: what was revoked must not stay in force for it. */
  #isUnread = false;
  #refusedMessage: string | undefined;
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
    if (stamp === this.#stamp && !this.#isUnread) return this.#checkAtMs;
    if (stamp !== this.#stamp) this.#refusedMessage = undefined;
    this.#stamp = stamp;
    try {
      this.#value = await this.#read();
      this.#refusedMessage = undefined;
    } catch (error) {
      this.#refuse(messageOf(error));
      return this.#checkAtMs;
    }
    this.#options.onChange?.(this.#value);
    return this.#checkAtMs;
  }

  #refuse(message: string): void {
    if (message === this.#refusedMessage) return;
    this.#refusedMessage = message;
    this.#options.onRefused(message);
  }

  /** Nothing runs between ticks. */
  stop(): Promise<void> {
    return Promise.resolve();
  }

  async #read(): Promise<T> {
    const { file, bytesMax, parse } = this.#options;
    this.#isUnread = true;
    const text = await file.read(bytesMax);
    this.#isUnread = false;
    return parse(text);
  }
}
