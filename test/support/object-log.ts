// Logs of a Durable Object for suites inside workerd, and their records.
import { createLogger } from '../../src/lib/log.ts';
import { DurableObjectWal } from '../../src/wal/durable-object.ts';
import type { ObjectStorage } from '../../src/wal/durable-object-table.ts';
import type { ProfileRecord, Wal } from '../../src/wal/wal.ts';

export const ulid = '01J00000000000000000000000';
export const startMs = 1_700_000_000_000;
export const minuteMs = 60_000;

export function makeLog(
  storage: ObjectStorage,
  options: { bytesMax?: number; clock?: { now: number } },
): DurableObjectWal {
  const nowMs = () => options.clock?.now ?? Date.now();
  const log = createLogger({ level: 'error', format: 'json', nowMs, sink: () => undefined });
  const { bytesMax = 2 ** 30 } = options;
  return new DurableObjectWal({ storage, clock: { nowMs }, newId: () => ulid, log, bytesMax });
}

export async function started(
  storage: ObjectStorage,
  clock?: { now: number },
): Promise<DurableObjectWal> {
  const wal = makeLog(storage, clock === undefined ? {} : { clock });
  await wal.start();
  return wal;
}

/** Thousands of commits in a moment: what is written becomes durable some time later. */
export function unsynced(storage: ObjectStorage): ObjectStorage {
  return {
    sql: storage.sql,
    transactionSync: (work) => storage.transactionSync(work),
    sync: () => Promise.resolve(),
  };
}

/** The storage with the rows that SQLite says it read and wrote. */
export function counting(storage: ObjectStorage) {
  let written = 0;
  let read = 0;
  const counted: ObjectStorage = {
    sync: () => storage.sync(),
    transactionSync: (work) => storage.transactionSync(work),
    sql: {
      exec(query, ...values) {
        const cursor = storage.sql.exec(query, ...values) as ReturnType<
          ObjectStorage['sql']['exec']
        > & { rowsRead: number; rowsWritten: number };
        const rows = cursor.toArray();
        written += cursor.rowsWritten;
        read += cursor.rowsRead;
        return { toArray: () => rows };
      },
    },
  };
  return { counted, rowsWritten: () => written, rowsRead: () => read };
}

export function rowCount(storage: ObjectStorage): unknown {
  return storage.sql.exec('SELECT count(*) AS count FROM log').toArray()[0]?.['count'];
}

export function record(fill: number): ProfileRecord {
  return {
    tenant: 'a',
    receivedMs: startMs,
    contentKey: new Uint8Array(16).fill(fill),
    labels: [{ name: 'service_name', value: 's' }],
    body: new Uint8Array(100).fill(fill),
  };
}

/** Bytes in which a lost or swapped piece shows. */
export function bodyOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = Math.imul(at + seed, 0x9e3779b1) >>> 24;
  return bytes;
}

export async function all(wal: Wal) {
  const found = [];
  for await (const one of wal.read('a', 0)) found.push(one);
  return found;
}
