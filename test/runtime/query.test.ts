// Queries on real servers: every call of the query door by a generated client, in both encodings,
// from the head and from a block; and the command, which answers the same over the server and over
// its folder.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectQueries, queriedLabels, queriedProfiles } from '../cases/query-calls.ts';
import { expectRenders, expectSamePrints, queryPrints } from '../cases/query-prints.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { pushAccepted } from '../support/http-push.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

describe.each(serverRuntimes)('on %s', (runtime) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Server;
  let dataDir: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    dataDir = join(folder.path, 'data');
    server = await startServer(runtime, { dataDir });
    await pushAccepted(server.url, [{ labels: queriedLabels, profiles: queriedProfiles }]);
  });
  afterAll(async () => {
    await server.stop();
    await folder[Symbol.asyncDispose]();
  });

  const places = ['head', 'block'].flatMap((place) => [
    { place, useBinaryFormat: true },
    { place, useBinaryFormat: false },
  ]);
  it.each(places)('answers every call from the $place, binary $useBinaryFormat', async (row) => {
    if (row.place === 'block') {
      expect((await fetch(`${server.url}/flush`, { method: 'POST' })).status).toBe(204);
    }
    await expectQueries(server.url, row.useBinaryFormat);
  });

  it('renders', () => expectRenders(server.url));

  it('prints the same over the server and over its folder', () => {
    return expectSamePrints(runtime, server.url, dataDir, queryPrints);
  }, 120_000);
});
