// What makes an app one of several that a tenant may be spread over.
import type { Ingester } from '../ingester/ingester.ts';
import type { LeaseBytes } from '../lib/byte-budget.ts';
import type { Logger } from '../lib/log.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Platform } from '../platform.ts';
import { type Peers, Spread } from '../spread/spread.ts';
import { keyWindowMs } from './bounds.ts';
import { ulids } from './random.ts';

export interface SpreadingParts {
  platform: Platform;
  log: Logger;
  peers: Peers;
  ingester: Ingester;
  limitsOf: LimitsOf;
  /** Counts bytes of pushes that come from other apps. */
  leaseBytes: LeaseBytes;
  /** The blocks of a tenant are to be listed again. */
  onRetired: (tenant: string) => void;
}

/** Nothing of it may be asked before it has loaded. */
export function createSpread(parts: SpreadingParts): Spread {
  const { platform, log, peers, ingester, limitsOf, leaseBytes, onRetired } = parts;
  return new Spread({
    peers,
    ingester,
    limitsOf,
    clock: platform.clock,
    yield: platform.yield,
    newId: ulids(platform),
    leaseBytes,
    onRetired,
    onChanged: (tenant, { epoch, shards, key }) =>
      log.info('tenant is spread anew', { tenant, epoch, shards, key }),
    windowMs: keyWindowMs,
  });
}
