// Whether there is room. Retryable refusals decide for the whole request, before anything is
// stored; they are checked in one turn with the append that follows, so they stay true.
import { Failure } from '../errors.ts';
import type { ActiveSeries } from '../limits/active-series.ts';
import type { Limits } from '../limits/limits.ts';
import type { Rate, TokenBucket } from '../limits/token-bucket.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import { fairLevel } from './fair-share.ts';
import { foldToFit, seriesKeys } from './fold-series.ts';
import type { Prepared } from './prepare.ts';
import type { DiskRoom } from './retention-rules.ts';

/** What the process has left, and who holds it. */
export interface Room {
  /** Bytes the process holds for heads and, while it is in memory, the log. */
  memoryUsed: number;
  memoryMax: number;
  logUsed: number;
  logBytesMax: number;
  /** Bytes of log records that a tenant holds. */
  logBytesOf: (tenant: string) => number;
  /** Tenants that are open: each has an equal share, or more where others need less. */
  tenantCount: number;
  /** Bytes of heads, and of log records, that each of them holds. */
  memoryHeld: () => readonly number[];
  logHeld: () => readonly number[];
  /** Undefined when the disk is not watched. */
  disk: DiskRoom | undefined;
}

export interface AdmitContext extends Room {
  tenant: string;
  limits: Readonly<Limits>;
  database: Pick<Phlaredb, 'bytesUsed'>;
  activeSeries: Pick<ActiveSeries, 'counts'>;
  /** Monotonic. */
  nowMs: number;
}

/** Series leave when they have been idle for minutes: to ask again sooner is in vain. */
const retryAfterSeconds = 60;
/** Over this part of a bound a tenant that has more than its share is refused before others. */
const shareCountsFrom = 0.9;

/**
 * Throws `limit` (429) or `unavailable` (503) when the request must be sent again later. Sample
 * labels are folded before the series of a profile are refused for them.
 */
export function admit(prepared: readonly Prepared[], context: AdmitContext): void {
  const { database, tenant } = context;
  const { memoryUsed, memoryMax, logUsed, logBytesMax, disk, tenantCount } = context;
  const bodyBytes = prepared.reduce((sum, one) => sum + one.body.length, 0);
  if (memoryUsed + bodyBytes > memoryMax) {
    throw noRoom(
      'memory_limit',
      `memory in use is ${memoryUsed} bytes, limit ${memoryMax} (memoryMax)`,
    );
  }
  if (logUsed + bodyBytes > logBytesMax) {
    throw noRoom('log_full', `log holds ${logUsed} bytes, limit ${logBytesMax} (logBytesMax)`);
  }
  assertShare('memory', 'memory_limit', () => database.bytesUsed(), {
    usedPart: memoryUsed / memoryMax,
    bytesMax: memoryMax,
    tenantCount,
    held: context.memoryHeld,
  });
  assertShare('log space', 'log_full', () => context.logBytesOf(tenant), {
    usedPart: logUsed / logBytesMax,
    bytesMax: logBytesMax,
    tenantCount,
    held: context.logHeld,
  });
  if (disk !== undefined) assertShare('local disk', 'disk_full', () => disk.bytesOf(tenant), disk);
  foldToFit(prepared, (keys) => seriesRefusal(keys, context) === undefined);
  const refusal = seriesRefusal(seriesKeys(prepared), context);
  if (refusal !== undefined) throw refusal;
}

/**
 * Throws `limit` (429) with the time after which `size` bytes can be let in. More than the burst is
 * refused for good before, where the request is read.
 */
export function assertRate(bucket: TokenBucket, size: number, rate: Rate, nowMs: number): void {
  if (rate.bytesPerSecond === 0) return;
  const waitMs = bucket.waitMs(size, rate, nowMs);
  if (waitMs === 0) return;
  const left = Math.max(0, Math.floor(bucket.left(rate, nowMs)));
  const limit = `limit ${rate.bytesPerSecond} bytes a second (ingestBytesPerSecond)`;
  throw new Failure(
    'limit',
    `push of ${size} bytes is over the rate: ${left} bytes are left now, ${limit}`,
    { reason: 'rate_limited', retryAfterSeconds: Math.min(waitMs / 1_000, 60) },
  );
}

/** Why a tenant cannot have these series now, if it cannot. */
function seriesRefusal(keys: ReadonlySet<string>, context: AdmitContext): Failure | undefined {
  const { activeSeries, nowMs } = context;
  const { seriesMax, seriesLabelBytesMax } = context.limits;
  const { active, added, labelBytes } = activeSeries.counts(keys, nowMs);
  if (added === 0) return undefined;
  const refusal = (message: string) =>
    new Failure('limit', message, { reason: 'series_limit', retryAfterSeconds });
  if (seriesMax > 0 && active + added > seriesMax) {
    const counts = `${active} active series and would get ${added} more`;
    return refusal(`tenant has ${counts}, limit ${seriesMax} (seriesMax)`);
  }
  if (labelBytes > seriesLabelBytesMax) {
    const what = `labels of ${active + added} active series would take ${labelBytes} bytes`;
    return refusal(`${what}, limit ${seriesLabelBytesMax} (seriesLabelBytesMax)`);
  }
  return undefined;
}

interface SharedRoom extends Pick<DiskRoom, 'usedPart' | 'bytesMax' | 'tenantCount'> {
  held?: () => readonly number[];
}

/** While there is enough, nobody is asked what it holds. Throws when the tenant has to wait. */
function assertShare(
  name: string,
  reason: string,
  tenantBytes: () => number,
  room: SharedRoom,
): void {
  if (room.usedPart <= shareCountsFrom) return;
  const used = tenantBytes();
  const equal = Math.floor(room.bytesMax / Math.max(1, room.tenantCount));
  if (used <= equal) return;
  const share = Math.max(equal, levelOf(room));
  if (used <= share) return;
  throw noRoom(reason, `${name} is short: the tenant holds ${used} bytes, its share is ${share}`);
}

/** Among a thousand that hold next to nothing, an equal share is next to nothing too. */
function levelOf({ usedPart, bytesMax, held }: SharedRoom): number {
  if (held === undefined) return 0;
  const bytes = held();
  const total = bytes.reduce((sum, one) => sum + one, 0);
  // What nobody is known to hold is out of the question.
  const level = fairLevel(bytes, total - (usedPart - shareCountsFrom) * bytesMax);
  return Number.isFinite(level) ? Math.floor(level) : 0;
}

function noRoom(reason: string, message: string): Failure {
  return new Failure('unavailable', message, { reason, retryAfterSeconds: 5 });
}
