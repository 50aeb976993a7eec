// A generator that has begun before anyone iterates it, so that its first fetch runs beside other
// work. Owns that it is ended in any case and that its first failure waits for its reader.

export class EarlyStart<T> implements AsyncIterableIterator<T, void, void> {
  readonly #generator: AsyncGenerator<T, void, void>;
  #first: Promise<IteratorResult<T, void>> | undefined;

  /** Asks for the first item at once. */
  constructor(generator: AsyncGenerator<T, void, void>) {
    this.#generator = generator;
    this.#first = generator.next();
    this.#first.catch(ignoreUnread);
  }

  next(): Promise<IteratorResult<T, void>> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#generator.next();
  }

  /** Ends it when it is not iterated to its end: `for await` calls this by itself. */
  return(): Promise<IteratorResult<T, void>> {
    return this.#generator.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Thrown again to whoever asks for the first item; without a reader there is nobody to tell. */
function ignoreUnread(): undefined {
  return undefined;
}
