// The directory on Workers: the one Durable Object that knows of all tenants. Owns what it answers;
// what is kept, and in which bounds, the rooms of `directory/` know.
import { DurableObject } from 'cloudflare:workers';
import { type Listed, TenantList, type TenantPage } from '../directory/tenant-list.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';
import type { Directory } from './object-directory.ts';

export class DirectoryObject extends DurableObject implements Directory {
  readonly #tenants: TenantList;

  constructor(context: unknown, env: unknown) {
    super(context, env);
    const { storage } = context as { readonly storage: ObjectStorage };
    this.#tenants = new TenantList(storage);
  }

  /** The answer leaves the object when the tenant is as durable as a row of a log. */
  async addTenant(tenant: string): Promise<Listed> {
    return this.#tenants.add(tenant);
  }

  async tenantsAfter(tenant: string): Promise<TenantPage> {
    return this.#tenants.page(tenant);
  }
}
