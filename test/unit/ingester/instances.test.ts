// Instances while they are opened and stopped: nobody hears that there is nothing to flush because
// everything was just closed.
import { expect, it } from 'vitest';
import { Instances, type InstancesOptions } from '../../../src/ingester/instances.ts';
import { createDeferred } from '../../../src/lib/deferred.ts';

it('refuses who waited for tenants of an earlier run while all were stopped', async () => {
  const listed = createDeferred();
  const options: Partial<InstancesOptions> = {
    listTenants: async () => {
      await listed.promise;
      return [];
    },
  };
  const instances = new Instances(options as InstancesOptions);
  const reopened = instances.reopened();
  const settled = instances.settled();
  instances.clear();
  listed.resolve();
  await expect(reopened).rejects.toThrow('ingester is stopped');
  await settled;
});
