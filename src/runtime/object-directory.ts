// How the front Worker and the objects of tenants reach the directory: by calls of methods that
// only code of this Worker can make.
// https://developers.cloudflare.com/workers/runtime-apis/rpc/
import type { Report, Reported } from '../directory/reports.ts';
import type { Listed, TenantPage } from '../directory/tenant-list.ts';
import { Failure, messageOf } from '../errors.ts';

/** What the directory's object answers. */
export interface Directory {
  addTenant(tenant: string): Promise<Listed>;
  tenantsAfter(tenant: string): Promise<TenantPage>;
  takeReport(report: Report): Promise<Reported>;
  /** The sums of all objects, as Prometheus reads them. */
  metrics(): Promise<string>;
}

/** https://developers.cloudflare.com/durable-objects/api/namespace/ */
export interface DirectoryNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): Directory;
}

/** There is one. */
const directoryName = 'all';

/** The directory behind a binding. Calls reject with `unavailable` when it does not answer. */
export function directoryOf(objects: DirectoryNamespace): Directory {
  const call = async <T>(work: (directory: Directory) => Promise<T>): Promise<T> => {
    try {
      return await work(objects.get(objects.idFromName(directoryName)));
    } catch (error) {
      const message = `directory is not reachable: ${messageOf(error)}`;
      throw new Failure('unavailable', message, { cause: error, retryAfterSeconds: 1 });
    }
  };
  return {
    addTenant: (tenant) => call((directory) => directory.addTenant(tenant)),
    tenantsAfter: (tenant) => call((directory) => directory.tenantsAfter(tenant)),
    takeReport: (report) => call((directory) => directory.takeReport(report)),
    metrics: () => call((directory) => directory.metrics()),
  };
}
