// Blocks that queries read. Owns the counts; whoever deletes blocks asks here first, and a query
// pins in the turn in which it takes the list that it reads.

export class Pins {
  readonly #counts = new Map<string, number>();

  /** Keeps a block, on disk and in the bucket, until the answer is called; call it once. */
  pin(tenant: string, ulid: string): () => void {
    const key = `${tenant}/${ulid}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    let isPinned = true;
    return () => {
      if (!isPinned) return;
      isPinned = false;
      const count = (this.#counts.get(key) ?? 0) - 1;
      if (count > 0) this.#counts.set(key, count);
      else this.#counts.delete(key);
    };
  }

  isPinned(tenant: string, ulid: string): boolean {
    return this.#counts.has(`${tenant}/${ulid}`);
  }
}
