// Whether there is room. Retryable refusals decide for the whole request, before anything is
// stored; they are checked in one turn with the append that follows, so they stay true.
import { Failure } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Prepared } from './prepare.ts';
import type { DiskRoom } from './retention-rules.ts';

export interface AdmitContext {
  tenant: string;
  limits: Readonly<Limits>;
  database: Phlaredb;
  /** Bytes the process holds for heads and, while it is in memory, the log. */
  memoryUsed: number;
  memoryMax: number;
  logUsed: number;
  logBytesMax: number;
  /** Bytes of log records that a tenant holds. */
  logBytesOf: (tenant: string) => number;
  /** Tenants that are open: each has an equal share of memory and log. */
  tenantCount: number;
  /** Undefined when the disk is not watched. */
  disk: DiskRoom | undefined;
}

/** Over this part of a bound a tenant that has more than its share is refused before others. */
const shareCountsFrom = 0.9;

/** Throws `limit` (429) or `unavailable` (503) when the request must be sent again later. */
export function admit(prepared: readonly Prepared[], context: AdmitContext): void {
  const { limits, database, tenant } = context;
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
  });
  assertShare('log space', 'log_full', () => context.logBytesOf(tenant), {
    usedPart: logUsed / logBytesMax,
    bytesMax: logBytesMax,
    tenantCount,
  });
  if (disk !== undefined) assertShare('local disk', 'disk_full', () => disk.bytesOf(tenant), disk);
  const keys = new Set(prepared.flatMap(({ plan }) => plan.series.map(({ key }) => key)));
  const { live, added } = database.seriesCounts(keys);
  if (added > 0 && live + added > limits.seriesMax) {
    throw new Failure(
      'limit',
      `tenant has ${live} series and would get ${added} more, limit ${limits.seriesMax}`,
      { reason: 'series_limit', retryAfterSeconds: 60 },
    );
  }
}

/** While there is enough, nobody is asked what it holds. Throws when the tenant has to wait. */
function assertShare(
  name: string,
  reason: string,
  tenantBytes: () => number,
  room: Pick<DiskRoom, 'usedPart' | 'bytesMax' | 'tenantCount'>,
): void {
  if (room.usedPart <= shareCountsFrom) return;
  const share = Math.floor(room.bytesMax / Math.max(1, room.tenantCount));
  const used = tenantBytes();
  if (used <= share) return;
  throw noRoom(reason, `${name} is short: the tenant holds ${used} bytes, its share is ${share}`);
}

function noRoom(reason: string, message: string): Failure {
  return new Failure('unavailable', message, { reason, retryAfterSeconds: 5 });
}
