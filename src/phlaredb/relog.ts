// The records of a small head logged again at the end of the log, so that they stop pinning its
// oldest room and no tiny block has to be written for it. Owns the order: the copies are durable
// before the originals are released. A crash in between leaves both; a rebuild leaves out each
// record that a later one repeats.
import { Failure, isFailure } from '../errors.ts';
import type { Head } from '../head/head.ts';
import type { StoredRecord, Wal } from '../wal/wal.ts';

/** What the database says and hears meanwhile. */
export interface RelogContext {
  tenant: string;
  wal: Wal;
  /** True while `head` takes the writes and holds all of the tenant that is in no block. */
  isOnly: (head: Head) => boolean;
  /** A record whose rows the head has is appended as `sequence`. */
  appended: (head: Head, sequence: number) => void;
  commit: (sequence: number) => void;
  rollback: (refusedUpTo: number) => void;
}

/**
 * Logs what the head has again and releases the older records. False when it cannot be done now,
 * for want of room or because a record cannot be read: then the head has to become a block. Rejects
 * when the log cannot be written.
 */
export async function relog(head: Head, context: RelogContext): Promise<boolean> {
  const { tenant, wal, isOnly } = context;
  const upTo = head.lastSequence;
  if (upTo === 0 || !isOnly(head)) return false;
  const records = await readWhole(wal, tenant, upTo);
  // From here to the last append nothing awaits: the head is still the one.
  if (records === undefined || !isOnly(head)) return false;
  const { last, isWhole } = appendAll(head, records, context);
  if (last > 0) await commitUpTo(last, context);
  if (!isWhole) return false;
  await wal.release(tenant, upTo, head.ulid);
  return true;
}

/** Undefined when one of them cannot be read: the head is all that is left of it. */
async function readWhole(
  wal: Wal,
  tenant: string,
  upTo: number,
): Promise<StoredRecord[] | undefined> {
  let expected = 0;
  for await (const { sequence } of wal.headers(tenant)) if (sequence <= upTo) expected += 1;
  const records: StoredRecord[] = [];
  for await (const record of wal.read(tenant, 0)) {
    if (record.sequence > upTo) break;
    records.push(record);
  }
  return records.length === expected && expected > 0 ? records : undefined;
}

function appendAll(
  head: Head,
  records: readonly StoredRecord[],
  { wal, appended }: RelogContext,
): { last: number; isWhole: boolean } {
  let last = 0;
  try {
    for (const { sequence: _original, ...record } of records) {
      last = wal.append(record);
      appended(head, last);
    }
    return { last, isWhole: true };
  } catch (error) {
    if (!isFailure(error, 'unavailable')) throw error;
    return { last, isWhole: false };
  }
}

async function commitUpTo(last: number, context: RelogContext): Promise<void> {
  const { wal, commit, rollback } = context;
  try {
    await wal.commit(last);
  } catch (error) {
    rollback(Math.max(last, wal.refusedUpTo()));
    throw new Failure('unavailable', 'records are not logged again', { cause: error });
  }
  commit(last);
}
