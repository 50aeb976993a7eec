// Kernels for tests: the module as it is committed, small appends, and all of a head's content as
// plain data. Owns no expectations.
import { readFileSync } from 'node:fs';
import type { AppendPlan, ScanFacts } from '../../src/kernel/facts.ts';
import { Kernel } from '../../src/kernel/kernel.ts';

/** The committed kernel, compiled. */
export const headModule = new WebAssembly.Module(
  readFileSync(new URL('../../src/gen/head.wasm', import.meta.url)),
);

export function createKernel(bytesMax = 64 << 20, seed: readonly [number, number] = [7, 11]) {
  return new Kernel(headModule, { bytesMax, seed });
}

/** A plan that gives every group and type a series of its own: group * types + type. */
export function planOf(facts: ScanFacts, changes: Partial<AppendPlan> = {}): AppendPlan {
  const groups = facts.groups.length;
  const cells = groups * facts.sampleTypes.length;
  return {
    timeNs: 1_700_000_000_000_000_000n,
    uuid: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
    groupTargets: Uint32Array.from({ length: groups }, (_, i) => i),
    series: Uint32Array.from({ length: cells }, (_, i) => i),
    ...changes,
  };
}

/** Scans and appends with `planOf`. */
export function ingest(kernel: Kernel, bytes: Uint8Array, changes: Partial<AppendPlan> = {}) {
  return kernel.append(planOf(kernel.scan(bytes), changes));
}

/** One sample of a row: symbols spelled out, so that ids do not matter. */
export interface DumpedSample {
  /** Locations, leaf first. */
  stack: string;
  value: bigint;
  span: bigint;
  /** 32 hex digits. */
  trace: string;
}

export interface DumpedRow {
  series: number;
  timeNs: bigint;
  durationNs: bigint;
  period: bigint;
  total: bigint;
  uuid: string;
  defaultSampleType: string;
  dropFrames: string;
  keepFrames: string;
  comments: string[];
  hasSpans: boolean;
  samples: DumpedSample[];
}

/** Bytes as hex digits. */
export const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** How a location is spelled, by the dump and by the model. */
export function spellLocation(location: {
  address: bigint;
  isFolded: boolean;
  mapping: string;
  lines: string[];
}): string {
  const { address, isFolded, mapping, lines } = location;
  return `${address}${isFolded ? '~' : ''}@${mapping}{${lines.join(' < ')}}`;
}

export const noTrace = '0'.repeat(32);

/** The head's rows from `first` on, read straight from its columns, numbered as in `wasm/store.ts`. */
export function dumpRows(kernel: Kernel, first = 0): DumpedRow[] {
  const { counts } = kernel.mark();
  const at = (column: number) => kernel.exports.columnAt(column) >>> 0;
  const view = new DataView(kernel.buffer);
  const u32 = (address: number) => view.getUint32(address, true);
  const i64 = (address: number) => view.getBigInt64(address, true);
  const u64 = (address: number) => view.getBigUint64(address, true);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const text = (address: number) => {
    const entry = at(1) + u32(address) * 4;
    const length = u32(entry + 4) - u32(entry);
    return decoder.decode(new Uint8Array(kernel.buffer, at(0) + u32(entry), length));
  };
  const functionText = (id: number) => {
    const r = at(2) + id * 24;
    return `${text(r)}|${text(r + 4)}|${text(r + 8)}|${i64(r + 16)}`;
  };
  const mappingText = (id: number) => {
    const r = at(3) + id * 40;
    const range = `${u64(r)}-${u64(r + 8)}+${u64(r + 16)}`;
    return `${range}|${text(r + 24)}|${text(r + 28)}|${u32(r + 32)}`;
  };
  const known = new Map<number, string>();
  const locationText = (id: number) => {
    const spelled = known.get(id) ?? spellRecord(id);
    known.set(id, spelled);
    return spelled;
  };
  const spellRecord = (id: number) => {
    const r = at(4) + id * 24;
    const mapping = u32(r + 8);
    const lines: string[] = [];
    for (let i = 0; i < u32(r + 16); i++) {
      const line = at(5) + (u32(r + 12) + i) * 16;
      lines.push(`${functionText(u32(line))}:${i64(line + 8)}`);
    }
    return spellLocation({
      address: u64(r),
      isFolded: u32(r + 20) === 1,
      mapping: mapping ? mappingText(mapping - 1) : '',
      lines,
    });
  };
  const stackText = (ordinal: number) => {
    const r = at(6) + ordinal * 8;
    const ids = Array.from({ length: u32(r + 4) }, (_, i) => u32(at(7) + (u32(r) + i) * 4));
    return ids.map(locationText).join('\n');
  };
  return Array.from({ length: (counts[12] as number) - first }, (_, index) => {
    const r = at(12) + (first + index) * 88;
    const span = u32(r + 12);
    const sample = (i: number): DumpedSample => ({
      stack: stackText(u32(at(8) + (u32(r + 4) + i) * 4)),
      value: i64(at(9) + (u32(r + 4) + i) * 8),
      span: span === 0xffffffff ? 0n : u64(at(10) + (span + i) * 8),
      trace:
        span === 0xffffffff
          ? noTrace
          : hex(new Uint8Array(kernel.buffer, at(11) + (span + i) * 16, 16)),
    });
    return {
      series: u32(r),
      timeNs: i64(r + 16),
      durationNs: i64(r + 24),
      period: i64(r + 32),
      total: i64(r + 40),
      uuid: hex(new Uint8Array(kernel.buffer, r + 48, 16)),
      defaultSampleType: text(r + 64),
      dropFrames: text(r + 68),
      keepFrames: text(r + 72),
      comments: Array.from({ length: u32(r + 80) }, (_, i) => text(at(13) + (u32(r + 76) + i) * 4)),
      hasSpans: span !== 0xffffffff,
      samples: Array.from({ length: u32(r + 8) }, (_, i) => sample(i)),
    };
  });
}
