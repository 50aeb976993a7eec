// Which records of a tenant the log holds twice. Owns what makes two records the same: content and
// time of receipt. Pushes never log that twice, `relog.ts` does, and a crash may leave both.
import type { RecordHeader, Wal } from '../wal/wal.ts';

/** Headers read between two pauses: some milliseconds. */
const sliceRecords = 4_096;

/**
 * Sequences of records that a later one repeats. Most logs have none: one number a record finds
 * that out, and only what may be double is compared as a whole.
 */
export async function superseded(
  wal: Wal,
  tenant: string,
  pause: () => Promise<void>,
): Promise<ReadonlySet<number>> {
  const seen = new Set<number>();
  const doubles = new Set<number>();
  await visit(wal, tenant, pause, ({ contentKey }) => {
    const short = shortOf(contentKey);
    if (seen.has(short)) doubles.add(short);
    else seen.add(short);
  });
  const found = new Set<number>();
  if (doubles.size === 0) return found;
  seen.clear();
  const last = new Map<string, number>();
  await visit(wal, tenant, pause, ({ sequence, receivedMs, contentKey }) => {
    if (!doubles.has(shortOf(contentKey))) return;
    const key = `${receivedMs} ${contentKey}`;
    const before = last.get(key);
    if (before !== undefined) found.add(before);
    last.set(key, sequence);
  });
  return found;
}

async function visit(
  wal: Wal,
  tenant: string,
  pause: () => Promise<void>,
  take: (header: RecordHeader) => void,
): Promise<void> {
  let count = 0;
  for await (const header of wal.headers(tenant)) {
    take(header);
    count += 1;
    if (count % sliceRecords === 0) await pause();
  }
}

/** 48 bits of the key. */
function shortOf(key: Uint8Array): number {
  let short = 0;
  for (let at = 0; at < 6; at++) short = short * 256 + (key[at] as number);
  return short;
}
