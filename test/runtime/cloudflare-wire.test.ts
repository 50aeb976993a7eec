// The table of the wire, asked of the Worker as it is deployed, in workerd.
import { join } from 'node:path';
import { spreadExclusions } from '../cases/wire/exclusions.ts';
import { wireLimits } from '../cases/wire/row.ts';
import { wireSuite } from '../cases/wire/suite.ts';
import { builtWorker, limitedBy, startWorker } from '../support/workerd.ts';

/** Objects of each tenant. Over several it takes too long for every run. */
const shards = Number(process.env['PHLOX_TEST_SHARDS'] ?? 1);

wireSuite('the Worker in workerd', {
  nowMs: Date.now(),
  requestBytesMax: 2 ** 24,
  isLarge: true,
  except: shards === 1 ? [] : spreadExclusions.map(({ title }) => title),
  open: async () => {
    const folder = await builtWorker();
    const worker = await startWorker({
      bundle: folder.bundle,
      folder: join(folder.path, 'stores'),
      variables: {
        ...limitedBy({ ...wireLimits, defaults: { shards, shardBy: 'series' } }),
        // Each row's tenant keeps a head of 128 KiB, all of them within seconds in one isolate.
        PHLOX_MEMORY_MAX: '1GiB',
      },
    });
    return {
      // Each object counts what it refuses.
      isCounting: shards === 1,
      // workerd closes a connection on which it answered before it had read all that was sent. The
      // platform has its own server before that one.
      fetch: (path, init) => {
        const headers = new Headers(init.headers);
        headers.set('connection', 'close');
        return fetch(worker.url + path, { ...init, headers });
      },
      close: async () => {
        await worker.stop();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
});
