// `ingester.v1.IngesterService` as far as phlox answers it: flushes and label calls. Its Push is
// the push door's; its streams are answered as unimplemented by the router. Unlike the querier's,
// its label calls take several matchers as alternatives.
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { singleTenant } from '../auth/tenant.ts';
import type { IngesterService as IngesterServiceDesc } from '../gen/ingester/v1/ingester_pb.ts';
import type { IngesterService } from '../ingester/contract.ts';
import type { QueryService } from '../query/contract.ts';
import { shownNames, shownSets } from './label-names.ts';
import { requiredName, wireProfileTypes } from './querier-service.ts';
import { labelRequest, optionalRange } from './query-requests.ts';
import type { CallContext } from './unary.ts';

export interface IngesterServiceOptions {
  ingester: IngesterService;
  queries: Pick<QueryService, 'labelNames' | 'labelValues' | 'profileTypes' | 'series'>;
  /** The call that a handler's context belongs to: each acts for exactly one tenant. */
  contextOf: (context: HandlerContext) => CallContext;
}

/** The methods that connect-es runs. */
export function createIngesterService(
  options: IngesterServiceOptions,
): Omit<ServiceImpl<typeof IngesterServiceDesc>, 'push'> {
  const { ingester, queries } = options;
  const contextOf = (handler: HandlerContext): CallContext => {
    const context = options.contextOf(handler);
    return { ...context, tenants: [singleTenant(context.tenants)] };
  };
  return {
    /** All tenants, as in Pyroscope, unless a key confines the call to one. */
    async flush(_request, handler) {
      await ingester.flush(contextOf(handler).reach);
      return {};
    },

    async labelNames(request, handler) {
      const context = contextOf(handler);
      const names = await queries.labelNames(context, labelRequest(request, true));
      return { names: shownNames(names, context.accept) };
    },

    async labelValues(request, handler) {
      const context = contextOf(handler);
      const name = requiredName(request.name);
      return { names: await queries.labelValues(context, name, labelRequest(request, true)) };
    },

    async profileTypes(request, handler) {
      const ids = await queries.profileTypes(contextOf(handler), optionalRange(request));
      return { profileTypes: wireProfileTypes(ids) };
    },

    async series(request, handler) {
      const context = contextOf(handler);
      const { labelNames } = request;
      const sets = await queries.series(context, { ...labelRequest(request, true), labelNames });
      return { labelsSet: shownSets(sets, context.accept).map((labels) => ({ labels })) };
    },
  };
}
