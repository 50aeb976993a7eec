// `settings.v1.SettingsService`: what Grafana's app keeps on the server, per tenant. Owns the shape
// of its calls; what is stored, and its bounds, are the store's.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { singleTenant } from '../auth/tenant.ts';
import { Failure } from '../errors.ts';
import type {
  SettingSchema,
  SettingsService as SettingsServiceDesc,
} from '../gen/settings/v1/setting_pb.ts';
import type { Setting, TenantSettings } from '../ingester/tenant-settings.ts';
import { Refusal } from './errors.ts';

/** `tenantsOf` answers whom a call acts for: exactly one tenant. */
export function createSettingsService(
  store: Pick<TenantSettings, 'get' | 'set' | 'delete'>,
  tenantsOf: (context: HandlerContext) => readonly string[],
  nowMs: () => number,
): ServiceImpl<typeof SettingsServiceDesc> {
  const tenantOf = (context: HandlerContext) => singleTenant(tenantsOf(context));
  return {
    async get(_request, context) {
      const settings = await store.get(tenantOf(context));
      return { settings: settings.map(wireSetting) };
    },

    async set({ setting: given }, context) {
      const tenant = tenantOf(context);
      if (given === undefined) throw new Failure('invalid', 'setting is missing');
      const { name, value } = given;
      const modifiedMs = given.modifiedAt > 0n ? Number(given.modifiedAt) : nowMs();
      const setting = { name, value, modifiedMs };
      if (!(await store.set(tenant, setting))) {
        const message = `setting ${JSON.stringify(name)} was changed after ${modifiedMs}`;
        throw new Refusal(409, 'already_exists', message);
      }
      return { setting: wireSetting(setting) };
    },

    async delete({ name }, context) {
      await store.delete(tenantOf(context), name);
      return {};
    },
  };
}

function wireSetting(setting: Setting): MessageInitShape<typeof SettingSchema> {
  const { name, value, modifiedMs } = setting;
  return { name, value, modifiedAt: BigInt(modifiedMs) };
}
