// A head's rows as plain data, read straight from its columns, which are numbered as in
// `wasm/store.ts`; the offsets are those of `wasm/layout.ts`. Symbols are spelled out, so that ids
// do not matter.
import type { Kernel } from '../../src/kernel/kernel.ts';

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

export const noTrace = '0'.repeat(32);

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

/** Columns by number, and numbers by address. */
function openColumns(kernel: Kernel) {
  const view = new DataView(kernel.buffer);
  return {
    counts: kernel.mark().counts,
    at: (column: number) => kernel.exports.columnAt(column) >>> 0,
    u32: (address: number) => view.getUint32(address, true),
    i64: (address: number) => view.getBigInt64(address, true),
    u64: (address: number) => view.getBigUint64(address, true),
    bytes: (address: number, length: number) => new Uint8Array(kernel.buffer, address, length),
  };
}
type Columns = ReturnType<typeof openColumns>;

/** Reads strings and stacks; a string by the address that holds its id. */
function createSpeller({ at, u32, i64, u64, bytes }: Columns) {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const text = (address: number) => {
    const entry = at(1) + u32(address) * 4;
    return decoder.decode(bytes(at(0) + u32(entry), u32(entry + 4) - u32(entry)));
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
  const locationText = (id: number) => {
    const r = at(4) + id * 24;
    const lines: string[] = [];
    for (let i = 0; i < u32(r + 16); i++) {
      const line = at(5) + (u32(r + 12) + i) * 16;
      lines.push(`${functionText(u32(line))}:${i64(line + 8)}`);
    }
    const mapping = u32(r + 8) ? mappingText(u32(r + 8) - 1) : '';
    return spellLocation({ address: u64(r), isFolded: u32(r + 20) === 1, mapping, lines });
  };
  const known = new Map<number, string>();
  const knownText = (id: number) => {
    const spelled = known.get(id) ?? locationText(id);
    known.set(id, spelled);
    return spelled;
  };
  const stack = (ordinal: number) => {
    const r = at(6) + ordinal * 8;
    const ids = Array.from({ length: u32(r + 4) }, (_, i) => u32(at(7) + (u32(r) + i) * 4));
    return ids.map(knownText).join('\n');
  };
  return { text, stack };
}

/** The head's rows from `first` on. */
export function dumpRows(kernel: Kernel, first = 0): DumpedRow[] {
  const columns = openColumns(kernel);
  const { counts, at, u32, i64, u64, bytes } = columns;
  const { text, stack } = createSpeller(columns);
  const dumpRow = (r: number): DumpedRow => {
    const span = u32(r + 12);
    const hasSpans = span !== 0xffffffff;
    return {
      series: u32(r),
      timeNs: i64(r + 16),
      durationNs: i64(r + 24),
      period: i64(r + 32),
      total: i64(r + 40),
      uuid: hex(bytes(r + 48, 16)),
      defaultSampleType: text(r + 64),
      dropFrames: text(r + 68),
      keepFrames: text(r + 72),
      comments: Array.from({ length: u32(r + 80) }, (_, i) => text(at(13) + (u32(r + 76) + i) * 4)),
      hasSpans,
      samples: Array.from({ length: u32(r + 8) }, (_, i) => ({
        stack: stack(u32(at(8) + (u32(r + 4) + i) * 4)),
        value: i64(at(9) + (u32(r + 4) + i) * 8),
        span: hasSpans ? u64(at(10) + (span + i) * 8) : 0n,
        trace: hasSpans ? hex(bytes(at(11) + (span + i) * 16, 16)) : noTrace,
      })),
    };
  };
  return Array.from({ length: (counts[12] as number) - first }, (_, i) =>
    dumpRow(at(12) + (first + i) * 88),
  );
}
