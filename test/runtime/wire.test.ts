// The table of the wire, asked of real servers over their sockets.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wireLimits } from '../cases/wire/row.ts';
import { wireSuite } from '../cases/wire/suite.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { serverRuntimes, startServer } from '../support/servers.ts';

for (const runtime of serverRuntimes) {
  wireSuite(`a server on ${runtime}`, {
    nowMs: Date.now(),
    isLarge: true,
    open: async () => {
      const folder = await temporaryFolder();
      const limits = join(folder.path, 'limits.json');
      await writeFile(limits, JSON.stringify(wireLimits));
      const env = { PHLOX_MULTITENANCY: 'true', PHLOX_LIMITS: limits };
      const server = await startServer(runtime, { dataDir: join(folder.path, 'data'), env });
      return {
        fetch: (path, init) => fetch(server.url + path, init),
        close: async () => {
          await server.stop();
          await folder[Symbol.asyncDispose]();
        },
      };
    },
  });
}
