// Heads of this object that another one reads: pinned together under a name, and each asked by its
// ULID. Owns that a view ends: when it is closed, when nobody has asked it for a while, when others
// take its place, and when a head of it was dropped, since the same profiles come back in another.
import { Failure } from '../errors.ts';
import type { OpenSources, Source, SourceMeter } from '../model/source.ts';
import { openHeads } from '../phlaredb/head-sources.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Clock } from '../platform.ts';
import type { HeadFacts, ViewFacts } from './calls.ts';

export interface ViewsOptions {
  findDatabase: (tenant: string) => Promise<Phlaredb | undefined>;
  clock: Pick<Clock, 'monotonicMs'>;
  yield: () => Promise<void>;
  /** Names views: whoever has one of an object that has ended must not meet another's. */
  newId: () => string;
}

interface View {
  sources: ReadonlyMap<string, Source>;
  opened: OpenSources;
  database: Phlaredb;
  /** Of the database when the heads were pinned. */
  drops: number;
  usedMs: number;
  /** Questions that are being answered: the heads stay pinned for as long. */
  running: number;
  ended: AbortController;
}

/** Longer than a query may wait between two of its questions. */
const leaseMs = 150_000;
/** Queries of a tenant that run at a time; over it the one that has asked for longest ago ends. */
const viewsMax = 64;
/** Work between two yields. */
const sliceMs = 5;

export class Views {
  readonly #options: ViewsOptions;
  readonly #views = new Map<string, View>();

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** Pins every head that has rows, all in one turn; nothing is kept when there are none. */
  async open(tenant: string): Promise<Pick<ViewFacts, 'view' | 'heads'>> {
    this.#sweep();
    const database = await this.#options.findDatabase(tenant);
    while (database !== undefined && !database.isReady) await database.ready();
    const heads = database?.snapshot().heads ?? [];
    if (database === undefined || heads.length === 0) return { view: '', heads: [] };
    const opened = openHeads(heads);
    const sources = new Map(heads.map(({ ulid }, i) => [ulid, opened.sources[i] as Source]));
    const [oldest] = this.#views.keys();
    if (this.#views.size === viewsMax) this.close(oldest as string);
    const view = this.#options.newId();
    this.#views.set(view, {
      sources,
      opened,
      database,
      drops: database.drops,
      usedMs: this.#options.clock.monotonicMs(),
      running: 0,
      ended: new AbortController(),
    });
    return { view, heads: [...sources].map(([ulid, source]) => factsOf(ulid, source)) };
  }

  /** Asks one head. Throws `missing` when the view has ended: then nothing of it counts. */
  async ask<T>(
    id: string,
    ulid: string,
    question: (source: Source, meter: SourceMeter) => Promise<T>,
  ): Promise<T> {
    this.#sweep();
    const view = this.#views.get(id);
    const source = view?.sources.get(ulid);
    if (view === undefined || source === undefined) throw gone(ulid);
    view.usedMs = this.#options.clock.monotonicMs();
    this.#views.delete(id);
    this.#views.set(id, view);
    view.running++;
    try {
      const answer = await question(source, this.#meterOf(view, ulid));
      if (view.drops !== view.database.drops) throw gone(ulid);
      return answer;
    } finally {
      view.running--;
      unpinWhenIdle(view);
    }
  }

  close(id: string): void {
    const view = this.#views.get(id);
    if (view === undefined) return;
    this.#views.delete(id);
    view.ended.abort(new Failure('missing', 'view has ended'));
    unpinWhenIdle(view);
  }

  /** Ends views that nobody asks any more; the one that was used longest ago comes first. */
  #sweep(): void {
    const overMs = this.#options.clock.monotonicMs() - leaseMs;
    for (const [id, { usedMs }] of this.#views) {
      if (usedMs > overMs) return;
      this.close(id);
    }
  }

  /** Heads fetch nothing; what they take is counted where it is merged. */
  #meterOf(view: View, ulid: string): SourceMeter {
    const { clock } = this.#options;
    let yieldedMs = clock.monotonicMs();
    return {
      signal: view.ended.signal,
      takes: () => undefined,
      fetch: () => undefined,
      pause: async () => {
        if (view.drops !== view.database.drops) throw gone(ulid);
        view.ended.signal.throwIfAborted();
        if (clock.monotonicMs() - yieldedMs < sliceMs) return;
        await this.#options.yield();
        yieldedMs = clock.monotonicMs();
        view.ended.signal.throwIfAborted();
      },
    };
  }
}

function unpinWhenIdle({ ended, running, opened }: View): void {
  if (ended.signal.aborted && running === 0) opened.close();
}

function factsOf(ulid: string, source: Source): HeadFacts {
  const { startNs, endNs } = source.range;
  return { ulid, startNs, endNs, answerBytes: source.memoryOf(anyStacks) };
}

/** What a head estimates depends on no part of the question. */
const anyStacks = {
  stacks: {
    startNs: 0n,
    endNs: 0n,
    selector: [],
    profileType: '',
    filter: {},
    shape: 'pprof',
  },
} as const;

function gone(ulid: string): Failure {
  return new Failure('missing', `view of head ${ulid} has ended`);
}
