// Label calls of a server without a query engine: over the profiles in memory. Knows no ranges.
import { singleTenant } from '../auth/tenant.ts';
import type { IngesterService } from '../ingester/contract.ts';
import type { QueryService } from '../query/contract.ts';

export type LabelQueries = Pick<
  QueryService,
  'labelNames' | 'labelValues' | 'profileTypes' | 'series'
>;

/** The calls; each acts for exactly one tenant. */
export function headLabels(ingester: IngesterService): LabelQueries {
  return {
    labelNames: ({ tenants }, { matchers }) =>
      ingester.labelNames(singleTenant(tenants), { matchers }),
    labelValues: ({ tenants }, name, { matchers }) =>
      ingester.labelValues(singleTenant(tenants), name, { matchers }),
    profileTypes: ({ tenants }) => ingester.profileTypes(singleTenant(tenants)),
    series: ({ tenants }, { matchers, labelNames }) =>
      ingester.series(singleTenant(tenants), { matchers, labelNames }),
  };
}
