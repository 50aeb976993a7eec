// A head: one tenant's newest profiles, their columns in a WebAssembly instance, their labels
// here. Owns visibility (a row counts once its log record is committed) and the way out: sealed,
// flushed to staged tables, moved into place. The log is the truth; a head can be rebuilt from it.
import { assert } from '../errors.ts';
import { type KernelMark, noSeries, type ScanFacts } from '../kernel/facts.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { KernelPool } from '../kernel/pool.ts';
import { SealedHead, type SeriesRange } from '../kernel/sealed.ts';
import { compareUtf8 } from '../lib/compare-utf8.ts';
import type { Fingerprint } from '../model/fingerprint.ts';
import { compareLabels, type Labels, labelNames, labelValue } from '../model/labels.ts';
import type { Table } from '../model/table.ts';
import { type Series, SeriesIndex } from './series.ts';
import type { SeriesPlan } from './series-plan.ts';
import { seriesTable } from './series-table.ts';

export interface HeadOptions {
  /** Becomes the block's. */
  ulid: string;
  createdMs: number;
  /** Taken over until `release`, fresh from the pool. */
  kernel: Kernel;
  fingerprint: Fingerprint;
}

/** One profile as the log has it, with what the scan told. */
export interface HeadEntry {
  sequence: number;
  plan: SeriesPlan;
  facts: ScanFacts;
  timeNs: bigint;
  uuid: Uint8Array;
}

export interface IngestCounts {
  rows: number;
  /** Samples stored, after equal stacks were merged. */
  samples: number;
  seriesCreated: number;
}

/** What a sealed head gives to whoever writes it. */
export interface HeadContent {
  ulid: string;
  /** In the fixed order of a block; the arrays of one call are overwritten by the next. */
  tables: Table[];
  /** Labels and row ranges of every series, in block order. */
  series: { labels: Labels; range: SeriesRange }[];
  profileCount: number;
  sampleCount: number;
  lastSequence: number;
}

/** Tables that are written but not visible yet. */
export interface StagedBlock {
  commit(): Promise<void>;
  abort(): Promise<void>;
}

interface Mark {
  sequence: number;
  kernel: KernelMark;
  seriesCount: number;
  rows: number;
}

export class Head {
  readonly ulid: string;
  readonly createdMs: number;
  readonly kernel: Kernel;
  readonly #fingerprint: Fingerprint;
  readonly #series = new SeriesIndex();
  /** State after each append that waits for its commit, oldest first. */
  readonly #pending: Mark[] = [];
  #committed: Mark;
  #settled: (() => void)[] = [];
  #isSealed = false;
  #staged: StagedBlock | undefined;
  #readers = 0;
  /** Takes the kernel back once nobody reads it; undefined while the head is in use. */
  #retired: (() => void) | undefined;

  constructor(options: HeadOptions) {
    this.ulid = options.ulid;
    this.createdMs = options.createdMs;
    this.kernel = options.kernel;
    this.#fingerprint = options.fingerprint;
    this.#committed = { sequence: 0, kernel: this.kernel.mark(), seriesCount: 0, rows: 0 };
  }

  /**
   * Appends the profile that `kernel` scanned last. Its rows are invisible until `commit` passes
   * `sequence`; sequences must grow. Throws `limit` (reason `head_full`) or `unavailable` (no
   * memory) with nothing changed.
   */
  ingest(entry: HeadEntry): IngestCounts {
    assert(!this.#isSealed, 'a sealed head takes no rows');
    const { plan, timeNs, uuid } = entry;
    const seriesBefore = this.#series.count;
    const samplesBefore = this.kernel.stats().samples;
    const ids = plan.series.map(({ key, labels }) => this.#series.getOrCreate(key, labels).id);
    const series = plan.slots.map((slot) => (slot === noSeries ? noSeries : (ids[slot] as number)));
    let rowCount: number;
    try {
      rowCount = this.kernel.append({
        timeNs,
        uuid,
        groupTargets: plan.groupTargets,
        series,
      }).rowCount;
    } catch (error) {
      this.#series.truncate(seriesBefore, this.#series.rows);
      throw error;
    }
    const rowSeries = [...series].filter((id) => id !== noSeries);
    assert(rowCount === rowSeries.length, `kernel made ${rowCount} rows, plan ${rowSeries.length}`);
    for (const id of rowSeries) this.#series.addRow(id, timeNs, uuid);
    this.#pending.push(this.#mark(entry.sequence));
    this.kernel.trimScratch();
    return {
      rows: rowCount,
      samples: this.kernel.stats().samples - samplesBefore,
      seriesCreated: this.#series.count - seriesBefore,
    };
  }

  /** A record whose rows are here is in the log a second time, as `sequence`, not committed yet. */
  loggedAgain(sequence: number): void {
    assert(!this.#isSealed, 'a sealed head takes no records');
    this.#pending.push(this.#mark(sequence));
  }

  /** The log holds every record up to `sequence`: their rows become visible. */
  commit(sequence: number): void {
    while (this.#pending.length > 0 && (this.#pending[0] as Mark).sequence <= sequence) {
      this.#committed = this.#pending.shift() as Mark;
    }
    this.#announceSettled();
  }

  /**
   * The log refused the pending records up to `refusedUpTo`: back to the last committed state,
   * exactly. False when later ones were appended on top of them: then the head is of no use.
   */
  rollback(refusedUpTo: number): boolean {
    const first = this.#pending[0];
    if (first === undefined || first.sequence > refusedUpTo) return true;
    if (this.appendedSequence > refusedUpTo) return false;
    this.#pending.length = 0;
    this.kernel.rollback(this.#committed.kernel);
    this.#series.truncate(this.#committed.seriesCount, this.#committed.rows);
    this.#announceSettled();
    return true;
  }

  /** Resolves once no append waits for its commit. */
  settled(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /** No more rows; queries go on. */
  seal(): void {
    this.#isSealed = true;
  }

  /** Sequence of the newest committed record; 0 when there is none. */
  get lastSequence(): number {
    return this.#committed.sequence;
  }

  /** Sequence of the newest record appended, committed or not; 0 when there is none. */
  get appendedSequence(): number {
    return (this.#pending.at(-1) ?? this.#committed).sequence;
  }

  /** Committed rows. */
  get rows(): number {
    return this.#committed.rows;
  }

  /** Kernel and labels. */
  get bytesUsed(): number {
    return this.kernel.stats().bytesUsed + this.#series.labelBytes;
  }

  /** The part of `bytesUsed` that no pool of kernels counts. */
  get labelBytes(): number {
    return this.#series.labelBytes;
  }

  get seriesCount(): number {
    return this.#series.count;
  }

  /** True when nothing was appended, committed or not. */
  get isEmpty(): boolean {
    return this.appendedSequence === 0;
  }

  /**
   * Keeps the kernel for a reader of what is committed by now, whatever becomes of the head, until
   * the answer is called; call it once.
   */
  pin(): () => void {
    this.#readers++;
    let isPinned = true;
    return () => {
      if (!isPinned) return;
      isPinned = false;
      this.#readers--;
      this.#giveBack();
    };
  }

  /** The head is not needed any more: its kernel goes to `pool` as soon as no reader is left. */
  retire(pool: Pick<KernelPool, 'release'>): void {
    this.#retired = () => pool.release(this.kernel);
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#readers > 0) return;
    const giveBack = this.#retired;
    this.#retired = undefined;
    giveBack?.();
  }

  /** Series with rows that are committed; their rows may hold later ones as well. */
  get series(): SeriesIndex {
    return this.#series;
  }

  /**
   * Numbers the sealed head's rows, stacks and symbols in block order and hands them to `write`,
   * which stages them. Long steps are cut by `pause`. May be called again after it failed. Queries
   * are served all the while.
   */
  async flush(
    write: (content: HeadContent) => Promise<StagedBlock>,
    pause: () => Promise<void>,
  ): Promise<void> {
    assert(this.#isSealed && this.#pending.length === 0, 'only a sealed, settled head is flushed');
    await this.#staged?.abort();
    this.#staged = undefined;
    const ordered = await this.#seriesInOrder(pause);
    const rowOrder = Uint32Array.from(ordered.flatMap((series) => series.rows));
    const seriesIds = new Uint32Array(rowOrder.length);
    let at = 0;
    for (const [rank, series] of ordered.entries()) {
      seriesIds.fill(rank, at, at + series.rows.length);
      at += series.rows.length;
    }
    const sealed = new SealedHead(this.kernel, rowOrder, seriesIds);
    try {
      while (sealed.step()) await pause();
      this.#staged = await write(this.#content(sealed, ordered));
    } finally {
      sealed.release();
    }
  }

  /** Makes the flushed tables a block. Throws what the store throws; then `flush` starts over. */
  async move(): Promise<void> {
    assert(this.#staged !== undefined, 'only a flushed head is moved');
    await this.#staged.commit();
    this.#staged = undefined;
  }

  #content(sealed: SealedHead, ordered: readonly Series[]): HeadContent {
    const labels = ordered.map((series) => series.labels);
    const ranges = sealed.seriesRanges();
    assert(ranges.length === ordered.length, 'every series has one range');
    return {
      ulid: this.ulid,
      tables: [seriesTable(labels, this.#fingerprint), ...sealed.tables()],
      series: ranges.map((range, i) => ({ labels: labels[i] as Labels, range })),
      profileCount: this.#committed.rows,
      sampleCount: this.kernel.stats().samples,
      lastSequence: this.#committed.sequence,
    };
  }

  /** By (service, profile type, labels), the rows of each by (time, uuid). */
  async #seriesInOrder(pause: () => Promise<void>): Promise<Series[]> {
    const ordered = [...this.#series.visible(this.#committed.rows)].sort(
      (a, b) =>
        compareLabel(a.labels, b.labels, labelNames.serviceName) ||
        compareLabel(a.labels, b.labels, labelNames.profileType) ||
        compareLabels(a.labels, b.labels),
    );
    let sinceYield = 0;
    for (const series of ordered) {
      series.rows.sort((a, b) => this.#series.compareRows(a, b));
      sinceYield += series.rows.length;
      // Sorting 20,000 rows takes about 10 ms when they are out of order.
      if (sinceYield > 20_000) {
        sinceYield = 0;
        await pause();
      }
    }
    return ordered;
  }

  #mark(sequence: number): Mark {
    return {
      sequence,
      kernel: this.kernel.mark(),
      seriesCount: this.#series.count,
      rows: this.#series.rows,
    };
  }

  #announceSettled(): void {
    if (this.#pending.length > 0) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}

function compareLabel(a: Labels, b: Labels, name: string): number {
  return compareUtf8(labelValue(a, name), labelValue(b, name));
}
