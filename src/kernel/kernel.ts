// The border to one head kernel: scan, append, marks, sizes. Owns the instance and its state; the
// caller owns policy (limits, series, time) and decides between scan and append.
import { assert, Failure, messageOf } from '../errors.ts';
import { plainTreatment, type Treatment } from '../model/treatment.ts';
import type { AppendPlan, KernelMark, KernelStats, ScanFacts } from './facts.ts';
import { IgnoredLabels } from './ignored-labels.ts';
import {
  createMemory,
  instantiate,
  instantiateQuery,
  type KernelExports,
  type KernelModules,
} from './instance.ts';
import { columnCount, markLayout, planLayout, statsLayout } from './layout.ts';
import { readExcess, readFacts } from './scan.ts';
import { statuses, statusFailure } from './status.ts';

/** `IGNORE_ALL` of `wasm/labels.ts`, as WebAssembly takes it. */
const ignoreAll = -1;

/** Two 32-bit numbers that no sender may know. */
export type Seed = readonly [low: number, high: number];

export interface KernelOptions {
  /** Most bytes of linear memory; calls that need more fail and change nothing. */
  bytesMax: number;
  seed: Seed;
}

/** One head: columns and dictionaries in a WebAssembly memory of its own. */
export class Kernel {
  private readonly memory: WebAssembly.Memory;
  private calls: KernelExports;
  private readonly queryModule: WebAssembly.Module;
  private queryCalls: WebAssembly.Exports | undefined;
  /** What instantiation wrote into memory, for `reset`. */
  private readonly staticData: { at: number; bytes: Uint8Array };
  private bytes: Uint8Array<ArrayBuffer>;
  private broken: Failure | undefined;
  /** Groups and sample types of the last scan, until it is appended. */
  private scanned: { groups: number; types: number } | undefined;

  /** Throws `unavailable` when there is no memory for an empty head. */
  constructor(modules: KernelModules, options: KernelOptions) {
    this.memory = createMemory(options.bytesMax);
    this.calls = instantiate(modules.head, this.memory);
    this.queryModule = modules.query;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.staticData = copyStaticData(this.bytes);
    this.check(this.call(() => this.calls.start(options.seed[0], options.seed[1])));
  }

  /** Exports of the head module. A reset makes another object: whoever holds addresses compares. */
  get exports(): KernelExports {
    return this.calls;
  }

  /**
   * Exports of the query module, instantiated now if nobody asked before; whoever calls them
   * declares their types. It has no state, so it outlives resets; the handles it gave do not.
   * Throws `unavailable` when the runtime has no room for it.
   */
  get query(): WebAssembly.Exports {
    this.queryCalls ??= instantiateQuery(this.queryModule, this.memory, this.calls);
    return this.queryCalls;
  }

  /** All of the memory as it is now: void after any call that may grow it. */
  u8(): Uint8Array<ArrayBuffer> {
    if (this.bytes.buffer !== this.memory.buffer) this.bytes = new Uint8Array(this.memory.buffer);
    return this.bytes;
  }

  /** The memory as it is now: detached by any call that may grow it. */
  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  /** True after a trap: the head's content is not to be trusted, and every call throws. */
  get isBroken(): boolean {
    return this.broken !== undefined;
  }

  /**
   * Runs a call into the module. A trap is a bug of ours: it breaks this kernel and is thrown as
   * `internal`, then and by every later call.
   */
  call<T>(run: () => T): T {
    if (this.broken !== undefined) throw this.broken;
    try {
      return run();
    } catch (cause) {
      this.broken = new Failure('internal', `kernel trapped: ${messageOf(cause)}`, { cause });
      throw this.broken;
    }
  }

  /** Answers `code` as an unsigned number, or throws the Failure that a status stands for. */
  check(code: number): number {
    // Addresses past 2 GiB are negative too, but no status is below -255.
    if (code >= 0 || code < -255) return code >>> 0;
    throw this.failure(code);
  }

  /** The Failure for a status that the last call answered. */
  failure(code: number): Failure {
    const details = this.call(() => this.calls.details());
    const view = new DataView(this.memory.buffer);
    return statusFailure(
      code,
      view.getBigUint64(details, true),
      view.getBigUint64(details + 8, true),
    );
  }

  /**
   * Decodes and checks an uncompressed pprof, which is copied. The head does not change. Labels
   * that are folded for want of room are the plan's. Throws `invalid` with reason
   * `malformed_profile`, or `unavailable` when there is no memory.
   */
  scan(profile: Uint8Array, treatment: Treatment = plainTreatment): ScanFacts {
    this.scanned = undefined;
    this.check(this.call(() => this.calls.inputReserve(profile.length)));
    const pointer = this.call(() => this.calls.inputPointer()) >>> 0;
    this.u8().set(profile, pointer);
    const at = this.call(() => this.calls.factsPointer()) >>> 0;
    const { stackDepthMax, symbolBytesMax } = treatment;
    let ignored: IgnoredLabels | undefined;
    let code = this.call(() => this.calls.scan(stackDepthMax, symbolBytesMax, 0));
    while (code === statuses.GROUPS) {
      ignored ??= new IgnoredLabels();
      ignored.choose(readExcess(this.memory.buffer, at));
      code = this.scanWithout(ignored, treatment);
    }
    this.check(code);
    const facts = readFacts(this.memory.buffer, at, ignored?.names);
    this.scanned = { groups: facts.groups.length, types: facts.sampleTypes.length };
    return facts;
  }

  private scanWithout(
    { keys }: IgnoredLabels,
    { stackDepthMax, symbolBytesMax }: Treatment,
  ): number {
    if (keys !== 'all') {
      const pointer = this.check(this.call(() => this.calls.ignoredReserve(keys.size)));
      new Uint32Array(this.memory.buffer, pointer, keys.size).set([...keys]);
    }
    const ignored = keys === 'all' ? ignoreAll : keys.size;
    return this.call(() => this.calls.scan(stackDepthMax, symbolBytesMax, ignored));
  }

  /**
   * Appends the profile that was scanned last, and uses the scan up, also when it is refused.
   * Throws `unavailable` without memory, and `limit` with reason `head_full` when a fresh head is
   * needed; neither changes the head.
   */
  append(plan: AppendPlan): { rowsFrom: number; rowCount: number } {
    const scanned = this.scanned;
    assert(scanned !== undefined, 'append without a scan');
    assertPlan(plan, scanned.groups, scanned.types);
    const pointer = this.check(this.call(() => this.calls.planReserve()));
    const bytes = this.u8();
    new DataView(bytes.buffer).setBigInt64(pointer + planLayout.time, plan.timeNs, true);
    bytes.set(plan.uuid, pointer + planLayout.uuid);
    const words = new Uint32Array(bytes.buffer, pointer + planLayout.targets);
    words.set(plan.groupTargets);
    words.set(plan.series, plan.groupTargets.length);
    const rowsFrom = this.rowCount();
    this.scanned = undefined;
    const rowCount = this.check(this.call(() => this.calls.append()));
    return { rowsFrom, rowCount };
  }

  private rowCount(): number {
    const pointer = this.call(() => this.calls.stats());
    return new DataView(this.memory.buffer).getUint32(pointer + statsLayout.rows, true);
  }

  /** The present state, for `rollback`. Good until a rollback to an earlier one, or a reset. */
  mark(): KernelMark {
    this.call(() => this.calls.mark());
    const pointer = this.call(() => this.calls.markPointer());
    const buffer = this.memory.buffer;
    return {
      counts: new Uint32Array(buffer, pointer + markLayout.counts, columnCount).slice(),
      valueSum: new DataView(buffer).getBigInt64(pointer + markLayout.sum, true),
    };
  }

  /** Goes back to a mark: the content is exactly what it was. The last scan is lost. */
  rollback(mark: KernelMark): void {
    const pointer = this.call(() => this.calls.markPointer());
    const buffer = this.memory.buffer;
    new Uint32Array(buffer, pointer + markLayout.counts, columnCount).set(mark.counts);
    new DataView(buffer).setBigInt64(pointer + markLayout.sum, mark.valueSum, true);
    this.scanned = undefined;
    this.check(this.call(() => this.calls.rollback()));
  }

  stats(): KernelStats {
    const pointer = this.call(() => this.calls.stats());
    const buffer = this.memory.buffer;
    const counts = new Uint32Array(buffer, pointer + statsLayout.counts, 7);
    const [strings = 0, functions = 0, mappings = 0, locations = 0, stacks = 0, rows = 0] = counts;
    return {
      strings,
      functions,
      mappings,
      locations,
      stacks,
      rows,
      samples: counts[6] ?? 0,
      bytesUsed: Number(new DataView(buffer).getBigUint64(pointer + statsLayout.bytes, true)),
      bytesReserved: buffer.byteLength,
    };
  }

  /** True when collisions have made a table slow: only a new head, with a new seed, cures it. */
  mustSeal(): boolean {
    return this.call(() => this.calls.mustSeal()) !== 0;
  }

  /** A number that changes with the content of the head, and with nothing else. */
  digest(): bigint {
    return BigInt.asUintN(
      64,
      this.call(() => this.calls.digest()),
    );
  }

  /** Gives large scratch back to the head's free memory; the last scan may be lost. */
  trimScratch(): void {
    this.scanned = undefined;
    this.call(() => this.calls.trimScratch());
  }

  /**
   * Makes this an empty head with a new seed: what was in use is zeroed. Giving memory back, and
   * even dropping instances alone, is not reliable on every runtime, so both are used again.
   */
  reset(seed: Seed): void {
    this.call(() => this.calls.sealRelease());
    const top = this.call(() => this.calls.memoryTop()) >>> 0;
    const bytes = this.u8().fill(0, 0, top);
    bytes.set(this.staticData.bytes, this.staticData.at);
    this.scanned = undefined;
    this.calls = { ...this.calls };
    this.check(this.call(() => this.calls.start(seed[0], seed[1])));
  }

  /** Bytes of linear memory, used or not. */
  bytesReserved(): number {
    return this.memory.buffer.byteLength;
  }
}

/** From the first byte that is not zero to the last. */
function copyStaticData(bytes: Uint8Array): { at: number; bytes: Uint8Array } {
  const at = Math.max(
    0,
    bytes.findIndex((byte) => byte !== 0),
  );
  return { at, bytes: bytes.slice(at, bytes.findLastIndex((byte) => byte !== 0) + 1) };
}

function assertPlan(plan: AppendPlan, groups: number, types: number): void {
  const { groupTargets, series, uuid } = plan;
  assert(uuid.length === 16, `uuid has ${uuid.length} bytes, must have 16`);
  assert(
    groupTargets.length === groups,
    `plan has ${groupTargets.length} group targets, scan has ${groups} groups`,
  );
  assert(
    series.length === groups * types,
    `plan has ${series.length} series, scan has ${groups} groups of ${types} types`,
  );
  for (const [group, target] of groupTargets.entries()) {
    assert(
      target <= group && groupTargets[target] === target,
      `group ${group} has target ${target}, which is not a target of its own`,
    );
  }
}
