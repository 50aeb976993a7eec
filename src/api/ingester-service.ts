// `ingester.v1.IngesterService` as far as phlox answers it: flushes and label calls. Its Push is
// the push door's; its streams are answered as unimplemented by the router.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { singleTenant } from '../auth/tenant.ts';
import { Failure } from '../errors.ts';
import type { IngesterService as IngesterServiceDesc } from '../gen/ingester/v1/ingester_pb.ts';
import type { ProfileTypeSchema } from '../gen/types/v1/types_pb.ts';
import type { IngesterService } from '../ingester/contract.ts';
import { parseProfileType } from '../model/profile-type.ts';
import { shownNames, shownSets } from './label-names.ts';

/** `tenantsOf` answers whom a call acts for; each of these acts for exactly one tenant. */
export function createIngesterService(
  ingester: IngesterService,
  tenantsOf: (context: HandlerContext) => readonly string[],
): Omit<ServiceImpl<typeof IngesterServiceDesc>, 'push'> {
  const tenantOf = (context: HandlerContext) => singleTenant(tenantsOf(context));
  return {
    /** All tenants, as in Pyroscope, whoever asks. */
    async flush() {
      await ingester.flush();
      return {};
    },

    async labelNames(request, context) {
      const { matchers } = request;
      const names = await ingester.labelNames(tenantOf(context), { matchers });
      return { names: shownNames(names, context.requestHeader.get('accept')) };
    },

    async labelValues(request, context) {
      const tenant = tenantOf(context);
      const { name, matchers } = request;
      if (name === '') throw new Failure('invalid', 'name is empty, a label name is required');
      return { names: await ingester.labelValues(tenant, name, { matchers }) };
    },

    async profileTypes(_request, context) {
      const ids = await ingester.profileTypes(tenantOf(context));
      return { profileTypes: ids.flatMap((id) => wireProfileType(id) ?? []) };
    },

    async series(request, context) {
      const { matchers, labelNames } = request;
      const sets = await ingester.series(tenantOf(context), { matchers, labelNames });
      const shown = shownSets(sets, context.requestHeader.get('accept'));
      return { labelsSet: shown.map((labels) => ({ labels })) };
    },
  };
}

/** Undefined for an id that has not five parts: Pyroscope leaves such ids out. */
function wireProfileType(id: string): MessageInitShape<typeof ProfileTypeSchema> | undefined {
  const parsed = parseProfileType(id);
  if (parsed === undefined) return undefined;
  const { name, sampleType, sampleUnit, periodType, periodUnit } = parsed;
  return { ID: id, name, sampleType, sampleUnit, periodType, periodUnit };
}
