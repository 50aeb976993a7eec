// The directory on Workers: the one Durable Object that knows of all tenants. Owns what it answers;
// what is kept, and in which bounds, the rooms of `directory/` know.
import { DurableObject } from 'cloudflare:workers';
import { type Report, type Reported, Reports } from '../directory/reports.ts';
import { type Listed, TenantList, type TenantPage } from '../directory/tenant-list.ts';
import { createDirectoryMetrics } from '../metrics/directory.ts';
import { createMetrics } from '../metrics/registry.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';
import type { Directory } from './object-directory.ts';

export class DirectoryObject extends DurableObject implements Directory {
  readonly #storage: ObjectStorage;
  readonly #tenants: TenantList;
  readonly #metrics = createDirectoryMetrics();
  #reports: Promise<Reports> | undefined;

  constructor(context: unknown, env: unknown) {
    super(context, env);
    const { storage } = context as { readonly storage: ObjectStorage };
    this.#storage = storage;
    this.#tenants = new TenantList(storage);
  }

  /** The answer leaves the object when the tenant is as durable as a row of a log. */
  async addTenant(tenant: string): Promise<Listed> {
    return this.#tenants.add(tenant);
  }

  async tenantsAfter(tenant: string): Promise<TenantPage> {
    return this.#tenants.page(tenant);
  }

  async takeReport(report: Report): Promise<Reported> {
    return (await this.#openReports()).take(report, Date.now());
  }

  async metrics(): Promise<string> {
    const { text, senderCount, leftOutCount } = (await this.#openReports()).scrape(Date.now());
    const { registry, tenants, reporters, leftOutSamples } = this.#metrics;
    tenants.set(this.#tenants.count);
    reporters.set(senderCount);
    leftOutSamples.set(leftOutCount);
    return `${text}\n${await registry.metrics()}`;
  }

  /** With the names and kinds of what every app counts. */
  #openReports(): Promise<Reports> {
    this.#reports ??= createMetrics({ processMetrics: false })
      .registry.metrics()
      .then((registryText) => new Reports({ storage: this.#storage, registryText }));
    return this.#reports;
  }
}
