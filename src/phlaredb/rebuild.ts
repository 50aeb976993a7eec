// A head made again from the log, without asking admission: what was acknowledged is applied even
// if today's limits would refuse it. Owns the set-aside of a record that no head can take.
import { messageOf } from '../errors.ts';
import type { Head } from '../head/head.ts';
import { planSeries } from '../head/series-plan.ts';
import type { Logger } from '../lib/log.ts';
import { profileTimeNs } from '../model/time.ts';
import type { StoredRecord, Wal } from '../wal/wal.ts';

export interface RebuildOptions {
  tenant: string;
  wal: Wal;
  /** First sequence that is in no block and no sealed head. */
  from: number;
  /** Inflates a record's body as the push did. */
  inflate: (body: Uint8Array) => Uint8Array;
  makeHead: () => Head;
  /** Takes back the instance of a head that failed. */
  discard: (head: Head) => void;
  pause: () => Promise<void>;
  log: Logger;
}

/** Records of one rebuild attempt, and where it ended. */
export interface Rebuilt {
  head: Head;
  /** Sequence of the last record seen; `from - 1` when there was none. */
  upTo: number;
}

/**
 * Reads the tenant's committed records into a fresh head. A record that fails is set aside (kept
 * in the log, counted by the caller through the log line) and the rest is read again.
 */
export async function rebuildHead(options: RebuildOptions): Promise<Rebuilt> {
  const setAside = new Set<number>();
  for (;;) {
    const head = options.makeHead();
    let current: StoredRecord | undefined;
    try {
      let upTo = options.from - 1;
      for await (const record of options.wal.read(options.tenant, options.from)) {
        current = record;
        if (!setAside.has(record.sequence)) applyRecord(head, record, options.inflate);
        upTo = record.sequence;
        await options.pause();
      }
      return { head, upTo };
    } catch (error) {
      options.discard(head);
      if (current === undefined || setAside.has(current.sequence)) throw error;
      setAside.add(current.sequence);
      options.log.error('log record cannot be applied, it is set aside', {
        sequence: current.sequence,
        error: messageOf(error),
      });
    }
  }
}

/** Appends one logged record to a head and makes it visible. */
export function applyRecord(
  head: Head,
  record: StoredRecord,
  inflate: (body: Uint8Array) => Uint8Array,
): void {
  const facts = head.kernel.scan(inflate(record.body));
  const plan = planSeries(record.labels, facts);
  const timeNs = profileTimeNs(facts.timeNs, record.receivedMs);
  head.ingest({ sequence: record.sequence, plan, facts, timeNs, uuid: record.contentKey });
  head.commit(record.sequence);
}
