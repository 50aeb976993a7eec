// Whether there is room. Retryable refusals decide for the whole request, before anything is
// stored; they are checked in one turn with the append that follows, so they stay true.
import { Failure } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Prepared } from './prepare.ts';

export interface AdmitContext {
  limits: Readonly<Limits>;
  database: Phlaredb;
  /** Bytes the process holds for heads and, while it is in memory, the log. */
  memoryUsed: number;
  memoryMax: number;
  logUsed: number;
  logBytesMax: number;
  /** Tenants that are open: each has an equal share of the memory. */
  tenantCount: number;
}

/** Over this part of the memory a tenant that has more than its share is refused before others. */
const shareCountsFrom = 0.9;

/** Throws `limit` (429) or `unavailable` (503) when the request must be sent again later. */
export function admit(prepared: readonly Prepared[], context: AdmitContext): void {
  const { limits, database } = context;
  const bodyBytes = prepared.reduce((sum, one) => sum + one.body.length, 0);
  if (context.memoryUsed + bodyBytes > context.memoryMax) {
    throw new Failure(
      'unavailable',
      `memory in use is ${context.memoryUsed} bytes, limit ${context.memoryMax} (memoryMax)`,
      { reason: 'memory_limit', retryAfterSeconds: 5 },
    );
  }
  const share = Math.floor(context.memoryMax / Math.max(1, context.tenantCount));
  const tenantUsed = database.bytesUsed();
  if (context.memoryUsed > context.memoryMax * shareCountsFrom && tenantUsed > share) {
    throw new Failure(
      'unavailable',
      `memory is short and the tenant uses ${tenantUsed} bytes of it, its share is ${share}`,
      { reason: 'memory_limit', retryAfterSeconds: 5 },
    );
  }
  if (context.logUsed + bodyBytes > context.logBytesMax) {
    throw new Failure(
      'unavailable',
      `log holds ${context.logUsed} bytes, limit ${context.logBytesMax} (logBytesMax)`,
      { reason: 'log_full', retryAfterSeconds: 5 },
    );
  }
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
