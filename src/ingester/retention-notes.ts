// What retention of the bucket has to know of its earlier runs: folders that wait for their second
// step, and where the walk is. Owns the form in which a memory keeps it; without one it ends with
// the process, and what is lost is found again as leftovers.

/** Texts by key, kept for longer than the process, where there may be none of it tomorrow. */
export interface RetentionMemory {
  entries(): Iterable<readonly [key: string, text: string]>;
  set(key: string, text: string): void;
  delete(key: string): void;
}

/** A folder without `meta.json` whose tables wait for their turn. */
export interface Doomed {
  tenant: string;
  ulid: string;
  bytes: number;
  reason: 'age' | 'leftover';
  /** When it was found so: a file written later shows that somebody uploads it again. */
  markedMs: number;
  dueMs: number;
}

export interface WalkPlace {
  /** When the last walk began. */
  walkedAtMs: number;
  /** The tenant that it is at; undefined: it has ended. */
  tenant?: string;
}

/** No prefix of a folder is this. */
const placeKey = 'walk';

export class RetentionNotes {
  readonly #memory: RetentionMemory | undefined;
  /** By prefix, the longest waiting first. */
  readonly #doomed = new Map<string, Doomed>();
  #place: WalkPlace = { walkedAtMs: Number.NEGATIVE_INFINITY };
  #savedPlace: WalkPlace = this.#place;

  constructor(memory?: RetentionMemory) {
    this.#memory = memory;
    const noted: [string, Doomed][] = [];
    for (const [key, text] of memory?.entries() ?? []) {
      if (key === placeKey) this.#place = JSON.parse(text) as WalkPlace;
      else noted.push([key, JSON.parse(text) as Doomed]);
    }
    this.#savedPlace = this.#place;
    noted.sort(([, a], [, b]) => a.dueMs - b.dueMs);
    for (const [prefix, doomed] of noted) this.#doomed.set(prefix, doomed);
  }

  get doomedCount(): number {
    return this.#doomed.size;
  }

  isDoomed(prefix: string): boolean {
    return this.#doomed.has(prefix);
  }

  /** Those whose turn it is, the longest waiting first. */
  dueAt(nowMs: number): [prefix: string, doomed: Doomed][] {
    return [...this.#doomed].filter(([, { dueMs }]) => dueMs <= nowMs);
  }

  /** Puts a folder behind those that wait. */
  doom(prefix: string, doomed: Doomed): void {
    this.#doomed.delete(prefix);
    this.#doomed.set(prefix, doomed);
    this.#memory?.set(prefix, JSON.stringify(doomed));
  }

  /** Takes a folder off that is gone, or was written again. */
  spare(prefix: string): void {
    this.#doomed.delete(prefix);
    this.#memory?.delete(prefix);
  }

  get place(): Readonly<WalkPlace> {
    return this.#place;
  }

  setPlace(place: WalkPlace): void {
    this.#place = place;
  }

  /** At the end of a run, since places change with every request. */
  savePlace(): void {
    const { walkedAtMs, tenant } = this.#place;
    const { walkedAtMs: savedAtMs, tenant: savedTenant } = this.#savedPlace;
    if (walkedAtMs === savedAtMs && tenant === savedTenant) return;
    this.#savedPlace = this.#place;
    this.#memory?.set(placeKey, JSON.stringify(this.#place));
  }
}
