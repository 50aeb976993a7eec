// Heads in a tenant's other objects as sources of one query. Owns that all that is in no block
// there is seen, or the query fails: that an object cannot be asked makes no answer of a part.
import type { OtherHeads } from '../ingester/other-heads.ts';
import type { Labels } from '../model/labels.ts';
import type {
  PointQuery,
  PointSeries,
  QueryMeter,
  SeriesQuery,
  Source,
  SourceCall,
  StackPart,
  StackQuery,
  TimeRange,
} from '../model/source.ts';
import { ask, type HeadFacts, type Send, type ViewFacts } from './calls.ts';
import { plainQuery } from './view-queries.ts';

export interface ShardView extends ViewFacts {
  shard: string;
}

/** Opens a view at each of the objects, all at once; rejects when one cannot be asked. */
export async function openViews(send: Send, shards: readonly string[]): Promise<ShardView[]> {
  const views = await Promise.allSettled(
    shards.map(async (shard) => ({ shard, ...(await ask(send, shard, 'view', undefined)) })),
  );
  const opened = views.flatMap((view) => (view.status === 'fulfilled' ? [view.value] : []));
  const failed = views.find((view) => view.status === 'rejected');
  if (failed === undefined) return opened;
  closeViews(send, opened);
  throw failed.reason;
}

/** The heads of the views, for as long as those are kept. */
export function headsOf(send: Send, views: readonly ShardView[]): OtherHeads {
  return {
    heads: views.flatMap(({ shard, view, heads }) =>
      heads.map((head) => ({ ulid: head.ulid, source: new RemoteHead(send, shard, view, head) })),
    ),
    stamps: new Map(views.map(({ shard, stamp }) => [shard, stamp])),
    close: () => closeViews(send, views),
  };
}

function closeViews(send: Send, views: readonly ShardView[]): void {
  for (const { shard, view } of views) {
    if (view === '') continue;
    // Whoever is not told ends it by itself.
    ask(send, shard, 'closeView', { view }).catch(() => undefined);
  }
}

class RemoteHead implements Source {
  readonly name: string;
  readonly range: TimeRange;
  readonly #send: Send;
  readonly #shard: string;
  readonly #in: { view: string; ulid: string };
  readonly #answerBytes: number;

  constructor(send: Send, shard: string, view: string, head: HeadFacts) {
    const { ulid, startNs, endNs, answerBytes } = head;
    this.name = `head ${ulid} of object ${shard}`;
    this.range = { startNs, endNs };
    this.#send = send;
    this.#shard = shard;
    this.#in = { view, ulid };
    this.#answerBytes = answerBytes;
  }

  memoryOf(call: SourceCall): number {
    return 'series' in call ? 0 : this.#answerBytes;
  }

  async series(query: SeriesQuery, meter: QueryMeter): Promise<Labels[]> {
    const body = { ...this.#in, query: plainQuery(query) };
    return this.#within(meter, ask(this.#send, this.#shard, 'series', body));
  }

  async stacks(query: StackQuery, meter: QueryMeter): Promise<StackPart | undefined> {
    const body = { ...this.#in, query: plainQuery(query) };
    return this.#within(meter, ask(this.#send, this.#shard, 'stacks', body));
  }

  async points(query: PointQuery, meter: QueryMeter): Promise<PointSeries[]> {
    const body = { ...this.#in, query: plainQuery(query) };
    return this.#within(meter, ask(this.#send, this.#shard, 'points', body));
  }

  /** A query that ends does not wait for an object that takes long. */
  async #within<T>({ signal }: QueryMeter, answer: Promise<T>): Promise<T> {
    signal.throwIfAborted();
    let leave: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([answer, aborted]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}
