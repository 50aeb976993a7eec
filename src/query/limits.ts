// The bounds of one query that acts for several tenants: of each limit the smallest, so that no
// tenant is read beyond its own.
import { Failure } from '../errors.ts';
import { type Limits, type LimitsOf, queryLimitNames } from '../limits/limits.ts';

/** What the engine enforces. */
export type QueryLimits = Pick<Limits, (typeof queryLimitNames)[number]>;

/** The smallest positive value of each limit among the tenants; 0 where none has a bound. */
export function limitsOfTenants(tenants: readonly string[], limitsOf: LimitsOf): QueryLimits {
  if (tenants.length === 0) throw new Failure('invalid', 'query names no tenant');
  const all = tenants.map(limitsOf);
  const smallest = (name: keyof QueryLimits) => {
    const positive = all.map((limits) => limits[name]).filter((value) => value > 0);
    return positive.length === 0 ? 0 : Math.min(...positive);
  };
  const entries = queryLimitNames.map((name) => [name, smallest(name)] as const);
  return Object.fromEntries(entries) as unknown as QueryLimits;
}
