// Room taken back: segments in which nothing is held go, oldest first. Owns what outlives them: the
// keys of the last minutes are logged again before their segment goes, and a damaged segment is
// kept aside under another name.
import type { Logger } from '../lib/log.ts';
import type { NewRecord } from './commit-queue.ts';
import type { Committer } from './committer.ts';
import type { LogFolder } from './log-folder.ts';
import { groupKeys, type LogIndex } from './log-index.ts';
import { encodeKeys, encodeTenant, noBytes, noKey, recordKinds } from './record.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { RecentKey } from './wal.ts';

/** Keys of profiles whose segment has gone: 15 minutes of a thousand a second. */
const keptKeysMax = 1_000_000;
const keysPerRecordMax = 4_096;
const bytesPerKey = 24;

export interface DropOptions {
  folder: LogFolder;
  index: LogIndex;
  committer: Committer;
  /** Bytes of records that a segment takes. */
  segmentRoom: number;
  log: Logger;
}

/**
 * Deletes what is dead now, and keeps keys received at `sinceMs` or later. One file after another,
 * each durably: a later one explains the earlier ones.
 */
export async function dropDead(options: DropOptions, sinceMs: number): Promise<void> {
  const { folder, index } = options;
  // What is logged on the way may seal a segment: that one is left for the next time.
  const last = index.active?.segment ?? 0;
  for (;;) {
    const dead = index.oldestDead();
    if (dead === undefined || dead.segment >= last) return;
    await keepKeys(options, dead, sinceMs);
    await folder.remove(dead.segment, dead.isDamaged);
    index.drop(dead);
  }
}

/** Logs the young keys of a segment again. */
async function keepKeys(
  { index, committer, segmentRoom, log }: DropOptions,
  dead: SegmentIndex,
  sinceMs: number,
): Promise<void> {
  const keys = [...dead.recentKeys(sinceMs)];
  if (keys.length === 0) return;
  const elsewhere = index.keptKeyCount() - dead.keptKeyCount;
  // All keys together must stay within a part of a segment, or they would be logged for ever.
  const countMax = Math.min(keptKeysMax, Math.floor(segmentRoom / 2 / bytesPerKey)) - elsewhere;
  if (keys.length > countMax) {
    log.warn('log forgets keys of released profiles early', {
      keys: keys.length,
      limit: Math.max(0, countMax),
    });
  }
  const kept = keys.sort((a, b) => b.receivedMs - a.receivedMs).slice(0, Math.max(0, countMax));
  const records = keyRecords(kept, Math.min(keysPerRecordMax, Math.max(1, countMax)));
  if (records.length > 0) await committer.commitControls(records, 0);
}

function keyRecords(keys: readonly RecentKey[], countMax: number): NewRecord[] {
  return groupKeys(keys, countMax).map(({ tenant, keys: group }) => ({
    kind: recordKinds.keys,
    tenantName: tenant,
    tenant: encodeTenant(tenant),
    timeMs: group[0]?.receivedMs ?? 0,
    contentKey: noKey,
    labels: noBytes,
    body: encodeKeys(group),
  }));
}
