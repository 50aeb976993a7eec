// The log as a sub-service: opened before the first push, closed after the last flush.
import type { Metrics } from '../metrics/registry.ts';
import type { Wal } from '../wal/wal.ts';
import type { SubService } from './lifecycle.ts';

/** Wraps the log's own start, tick and close, and counts the damage it finds. */
export function logService(wal: Wal, { storage }: Metrics): SubService {
  return {
    name: 'log',
    start: () => wal.start((reason) => storage.logFaults.inc({ reason })),
    stop: () => wal.close(),
    tick: (nowMs) => wal.tick(nowMs),
  };
}
