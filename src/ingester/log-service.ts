// The log as a sub-service: opened before the first push, closed after the last flush.
import type { Wal } from '../wal/wal.ts';
import type { SubService } from './lifecycle.ts';

/** Wraps the log's own start, tick and close. */
export function logService(wal: Wal): SubService {
  return {
    name: 'log',
    start: () => wal.start(),
    stop: () => wal.close(),
    tick: (nowMs) => wal.tick(nowMs),
  };
}
