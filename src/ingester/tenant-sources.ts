// What a query of one tenant reads: its heads, its blocks on this machine, and those that only the
// bucket has. Owns that each acknowledged profile is in exactly one of them while a head becomes a
// block and a block moves to the bucket, and that reading creates nothing.
import type { BlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure } from '../errors.ts';
import {
  type OpenSources,
  type QueryMeter,
  rangesOverlap,
  type Source,
  type SourceProvider,
  type TimeRange,
} from '../model/source.ts';
import { msRange } from '../model/time.ts';
import { openHeads } from '../phlaredb/head-sources.ts';
import { ListedBlocks } from '../phlaredb/listed-blocks.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Pins } from '../phlaredb/pins.ts';
import type { Clock } from '../platform.ts';
import type { OpenOtherHeads, OtherHeads } from './other-heads.ts';

export interface TenantSourcesOptions {
  /** The tenant's database if it is open, or has records in the log. */
  findDatabase: (tenant: string) => Promise<Phlaredb | undefined>;
  /** The tenant's blocks on this machine; keys are `<ULID>/<file>`. Undefined: there are none. */
  localBlocks: ((tenant: string) => Bucket) | undefined;
  /** The tenant's blocks in the bucket; undefined when there is no bucket. */
  remoteBlocks: ((tenant: string) => Bucket) | undefined;
  openBlock: (blocks: Bucket, meta: BlockMeta) => Source;
  /** Heads of the tenant that are not in this process; undefined: there are none. */
  otherHeads?: OpenOtherHeads | undefined;
  pins: Pins;
  clock: Pick<Clock, 'monotonicMs'>;
}

interface TenantLists {
  /** Of a tenant without a database; one that has a database knows its blocks by itself. */
  local: ListedBlocks | undefined;
  remote: ListedBlocks | undefined;
  /** Of each other place with heads: the list of blocks has what was written there before. */
  stamps: Map<string, string>;
}

interface Found {
  meta: BlockMeta;
  list: ListedBlocks;
}

/** Other writers' blocks are found this late; our own are known at once. */
const remoteFreshMs = 30_000;
/** Tenants whose lists are kept; the one that was asked for longest ago goes first. */
const tenantsMax = 1_000;

export class TenantSources implements SourceProvider {
  readonly #options: TenantSourcesOptions;
  readonly #lists = new Map<string, TenantLists>();

  constructor(options: TenantSourcesOptions) {
    this.#options = options;
  }

  /** A local block was deleted: from now on the bucket has to answer for it. */
  forgetLocal(tenant: string): void {
    this.#lists.get(tenant)?.remote?.invalidate();
  }

  async open(
    tenant: string,
    range: TimeRange | undefined,
    meter: QueryMeter,
  ): Promise<OpenSources> {
    // What is elsewhere is pinned before a list of blocks is taken for good: what has left a head
    // there since is in the list, under the name of that head.
    const others = await this.#options.otherHeads?.(tenant);
    try {
      return await this.#open(tenant, range, meter, others);
    } catch (error) {
      others?.close();
      throw error;
    }
  }

  async #open(
    tenant: string,
    range: TimeRange | undefined,
    meter: QueryMeter,
    others: OtherHeads = noOthers,
  ): Promise<OpenSources> {
    const database = await this.#options.findDatabase(tenant);
    const lists = this.#listsOf(tenant);
    const { local, remote } = lists;
    noteStamps(lists, others);
    for (;;) {
      await meter.pause();
      await database?.ready();
      const remoteChanges = await remote?.current();
      if (database === undefined) await local?.current();
      // Both have to be good in one turn, which is the one that pins.
      const isGood = database === undefined || database.isReady;
      if (isGood && remote?.changes === remoteChanges) break;
    }
    const { heads, blocks } = database?.snapshot() ?? { heads: [], blocks: undefined };
    const opened = openHeads(heads);
    const headUlids = new Set([...heads, ...others.heads].map(({ ulid }) => ulid));
    const found = withoutRepeats([
      ...foundIn(local, blocks ?? local?.metas),
      ...foundIn(remote, remote?.metas),
    ]).filter(({ meta }) => !headUlids.has(meta.ulid) && isWanted(meta, range));
    // The bytes of a merged pprof follow this order: they must not tell where a block lies.
    found.sort((a, b) => (a.meta.ulid < b.meta.ulid ? -1 : 1));
    const unpins = found.map(({ meta }) => this.#options.pins.pin(tenant, meta.ulid));
    return {
      sources: [
        ...opened.sources,
        ...sourcesOf(others, range),
        ...found.map((one) => this.#openBlock(one)),
      ],
      close: () => {
        opened.close();
        others.close();
        for (const unpin of unpins) unpin();
      },
    };
  }

  /** A block was deleted from the bucket, or may have been. */
  doubtRemote(tenant: string, ulid: string): void {
    this.#lists.get(tenant)?.remote?.doubt(ulid);
  }

  #openBlock({ meta, list }: Found): Source {
    const source = this.#options.openBlock(list.blocks, meta);
    // Somebody else deleted it: whoever tries again must not be given the same list.
    return watched(source, () => list.invalidate());
  }

  #listsOf(tenant: string): TenantLists {
    const known = this.#lists.get(tenant);
    this.#lists.delete(tenant);
    const lists = known ?? this.#makeLists(tenant);
    this.#lists.set(tenant, lists);
    if (this.#lists.size > tenantsMax) {
      const [oldest] = this.#lists.keys();
      this.#lists.delete(oldest as string);
    }
    return lists;
  }

  #makeLists(tenant: string): TenantLists {
    const { localBlocks, remoteBlocks, clock } = this.#options;
    const remote = remoteBlocks?.(tenant);
    return {
      local: localBlocks && new ListedBlocks({ blocks: localBlocks(tenant), clock, freshMs: 0 }),
      remote: remote && new ListedBlocks({ blocks: remote, clock, freshMs: remoteFreshMs }),
      stamps: new Map(),
    };
  }
}

const noOthers: OtherHeads = { heads: [], stamps: new Map(), close: () => undefined };

/**
 * A block was written where heads are that were pinned just now: the list is to be read again. The
 * stamp is noted at once, as nobody gets a list that began before.
 */
function noteStamps({ remote, stamps }: TenantLists, others: OtherHeads): void {
  for (const [place, stamp] of others.stamps) {
    if (stamps.get(place) === stamp) continue;
    stamps.set(place, stamp);
    remote?.invalidate();
  }
}

/** In an order that does not depend on where they are. */
function sourcesOf({ heads }: OtherHeads, range: TimeRange | undefined): Source[] {
  return heads
    .filter(({ source }) => range === undefined || rangesOverlap(source.range, range))
    .toSorted((a, b) => (a.ulid < b.ulid ? -1 : 1))
    .map(({ source }) => source);
}

function foundIn(list: ListedBlocks | undefined, metas: Iterable<BlockMeta> = []): Found[] {
  return list === undefined ? [] : Array.from(metas, (meta) => ({ meta, list }));
}

/** `source`, with `onMissing` told when what it reads is gone. */
function watched(source: Source, onMissing: () => void): Source {
  const watch = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (isFailure(error, 'missing')) onMissing();
      throw error;
    }
  };
  return {
    name: source.name,
    range: source.range,
    memoryOf: (call) => source.memoryOf(call),
    series: (query, meter) => watch(source.series(query, meter)),
    stacks: (query, meter) => watch(source.stacks(query, meter)),
    points: (query, meter) => watch(source.points(query, meter)),
  };
}

/** Each block once, the first one found, and none whose data is in a compacted block as well. */
function withoutRepeats(found: readonly Found[]): Found[] {
  const byUlid = new Map<string, Found>();
  for (const one of found) if (!byUlid.has(one.meta.ulid)) byUlid.set(one.meta.ulid, one);
  const superseded = new Set<string>();
  for (const { meta } of byUlid.values()) {
    if (meta.compaction.level === 1) continue;
    for (const source of meta.compaction.sources) if (source !== meta.ulid) superseded.add(source);
  }
  return [...byUlid.values()].filter(({ meta }) => !superseded.has(meta.ulid));
}

function isWanted(meta: BlockMeta, range: TimeRange | undefined): boolean {
  return range === undefined || rangesOverlap(msRange(meta.minTime, meta.maxTime), range);
}
