// What makes an app one of several that a tenant may be spread over.
import type { Ingester } from '../ingester/ingester.ts';
import { createByteBudget } from '../lib/byte-budget.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Platform } from '../platform.ts';
import { type Peers, Spread } from '../spread/spread.ts';
import { keyWindowMs } from './bounds.ts';
import { ulids } from './random.ts';

export interface SpreadingParts {
  platform: Platform;
  peers: Peers;
  ingester: Ingester;
  limitsOf: LimitsOf;
  /** Bytes of pushes that come from other apps at a time. */
  requestBytesMax: number;
  /** The blocks of a tenant are to be listed again. */
  onRetired: (tenant: string) => void;
}

/** Nothing of it may be asked before it has loaded. */
export function createSpread(parts: SpreadingParts): Spread {
  const { platform, peers, ingester, limitsOf, requestBytesMax, onRetired } = parts;
  const lease = createByteBudget(requestBytesMax, 'body');
  return new Spread({
    peers,
    ingester,
    limitsOf,
    clock: platform.clock,
    yield: platform.yield,
    newId: ulids(platform),
    leaseBytes: () => lease(),
    onRetired,
    windowMs: keyWindowMs,
  });
}
