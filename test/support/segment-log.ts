// A durable log for tests: small segments and pages, a clock that stands still, faults collected.
// The bench opens its logs here too.
import type { FileSystem } from '../../src/lib/file-system.ts';
import { createLogger } from '../../src/lib/log.ts';
import type { LogFault } from '../../src/wal/segment-load.ts';
import { SegmentWal, type SegmentWalOptions } from '../../src/wal/segments.ts';
import type { ProfileRecord, StoredRecord, Wal } from '../../src/wal/wal.ts';

export const testNowMs = 1_700_000_000_000;

export interface TestLog {
  wal: SegmentWal;
  faults: LogFault[];
  lines: string[];
  clock: { now: number };
}

/** A log that is not started. */
export function segmentLog(
  folder: string,
  fileSystem: FileSystem,
  options: Partial<SegmentWalOptions> = {},
): TestLog {
  const faults: LogFault[] = [];
  const lines: string[] = [];
  const clock = { now: testNowMs };
  let ids = 0;
  const wal = new SegmentWal({
    folder,
    fileSystem,
    clock: { nowMs: () => clock.now, monotonicMs: () => clock.now },
    random: () => 0.5,
    newId: () => `01J${String(++ids).padStart(23, '0')}`,
    log: createLogger({
      level: 'debug',
      format: 'logfmt',
      nowMs: () => clock.now,
      sink: (line) => lines.push(line),
    }),
    bytesMax: 2 ** 20,
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  return { wal, faults, lines, clock };
}

/** A profile whose key and body tell `fill`. */
export function walRecord(tenant: string, fill = 0, bytes = 100): ProfileRecord {
  return {
    tenant,
    receivedMs: testNowMs,
    contentKey: new Uint8Array(16).fill(fill),
    labels: [{ name: 'service_name', value: 's' }],
    body: new Uint8Array(bytes).fill(fill),
  };
}

/** Appends and commits one record. */
export async function store(wal: Wal, record: ProfileRecord): Promise<number> {
  const sequence = wal.append(record);
  await wal.commit(sequence);
  return sequence;
}

/** All that the log tells, of all tenants, in sequence order. */
export async function storedRecords(wal: Wal): Promise<StoredRecord[]> {
  const tenants = new Set<string>();
  for await (const { tenant } of wal.headers()) tenants.add(tenant);
  const found: StoredRecord[] = [];
  for (const tenant of tenants) {
    for await (const record of wal.read(tenant, 0)) found.push(record);
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}
