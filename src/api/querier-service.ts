// `querier.v1.QuerierService`: labels, series over time and statistics. The calls whose answers are
// stacks are in `stacktraces-service.ts`; those that phlox does not answer are refused by the
// router.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { Failure } from '../errors.ts';
import type { QuerierService as QuerierServiceDesc } from '../gen/querier/v1/querier_pb.ts';
import type { ProfileTypeSchema } from '../gen/types/v1/types_pb.ts';
import { parseProfileType } from '../model/profile-type.ts';
import type { MsRange, QueryService } from '../query/contract.ts';
import { shownNames, shownSets } from './label-names.ts';
import { labelRequest, requiredRange, seriesRequest } from './query-requests.ts';
import type { CallContext } from './unary.ts';

/** What profile types are asked for when no range is given: health checks give none. */
const rangeMsDefault = 3_600_000;

export interface QuerierOptions {
  queries: QueryService;
  /** The call that a handler's context belongs to. */
  contextOf: (context: HandlerContext) => CallContext;
  nowMs: () => number;
}

type Methods =
  | 'profileTypes'
  | 'labelNames'
  | 'labelValues'
  | 'series'
  | 'selectSeries'
  | 'getProfileStats';

/** The methods that connect-es runs. */
export function createQuerierService(
  options: QuerierOptions,
): Pick<ServiceImpl<typeof QuerierServiceDesc>, Methods> {
  const { queries, contextOf, nowMs } = options;
  const lastHour = (): MsRange => ({ startMs: nowMs() - rangeMsDefault, endMs: nowMs() });
  return {
    async profileTypes(request, handler) {
      const isGiven = request.start !== 0n || request.end !== 0n;
      const range = isGiven ? requiredRange(request) : lastHour();
      const ids = await queries.profileTypes(contextOf(handler), range);
      return { profileTypes: wireProfileTypes(ids) };
    },

    async labelNames(request, handler) {
      const context = contextOf(handler);
      const names = await queries.labelNames(context, labelRequest(request, false));
      return { names: shownNames(names, context.accept) };
    },

    async labelValues(request, handler) {
      const name = requiredName(request.name);
      const asked = labelRequest(request, false);
      return { names: await queries.labelValues(contextOf(handler), name, asked) };
    },

    async series(request, handler) {
      const context = contextOf(handler);
      const { labelNames } = request;
      const sets = await queries.series(context, { ...labelRequest(request, false), labelNames });
      return { labelsSet: shownSets(sets, context.accept).map((labels) => ({ labels })) };
    },

    async selectSeries(request, handler) {
      const found = await queries.timeSeries(contextOf(handler), seriesRequest(request));
      return {
        series: found.map(({ labels, points }) => ({
          labels: [...labels],
          points: points.map(({ timestampMs, value }) => ({
            timestamp: BigInt(timestampMs),
            value,
          })),
        })),
      };
    },

    async getProfileStats(_request, handler) {
      const context = contextOf(handler);
      const { tenants } = context;
      if (tenants.length !== 1) {
        throw new Failure('invalid', `statistics of ${tenants.length} tenants at once, limit 1`);
      }
      const range = await queries.profileStats(context);
      if (range === undefined) return {};
      return {
        dataIngested: true,
        oldestProfileTime: BigInt(Math.floor(range.startMs)),
        newestProfileTime: BigInt(Math.ceil(range.endMs)),
      };
    },
  };
}

/** Throws `invalid` for the empty name. */
export function requiredName(name: string): string {
  if (name === '') throw new Failure('invalid', 'name is empty, a label name is required');
  return name;
}

/** Pyroscope leaves out an id that has not five parts. */
export function wireProfileTypes(
  ids: readonly string[],
): MessageInitShape<typeof ProfileTypeSchema>[] {
  return ids.flatMap((id) => {
    const parsed = parseProfileType(id);
    if (parsed === undefined) return [];
    const { name, sampleType, sampleUnit, periodType, periodUnit } = parsed;
    return { ID: id, name, sampleType, sampleUnit, periodType, periodUnit };
  });
}
