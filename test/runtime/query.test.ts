// Queries on real servers: every call of the query door by a generated client, in both encodings,
// from the head and from a block; and the command, which answers the same over the server and over
// its folder.
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProfileSchema } from '../../src/gen/google/v1/profile_pb.ts';
import {
  expectQueries,
  queriedBig,
  queriedLabels,
  queriedMs,
  queriedProfiles,
  queriedType,
  stacksOf,
} from '../cases/query-calls.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { pushAccepted } from '../support/http-push.ts';
import { phlox } from '../support/phlox-command.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

describe.each(serverRuntimes)('on %s', (runtime) => {
  const [big, timeMs, type] = [queriedBig, queriedMs, queriedType];
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

  it('renders', async () => {
    const params = new URLSearchParams({
      query: `${type}{service_name="shop"}`,
      from: String(timeMs - 60_000),
      until: String(timeMs + 60_000),
    });
    const at = (more: string) => fetch(`${server.url}/pyroscope/render?${params}&${more}`);
    const folded = await (await at('format=folded')).text();
    expect(folded).toBe(`main;work;leaf ${big + 1n}\nmain;work 4\n`);
    expect(await (await at('')).json()).toMatchObject({
      flamebearer: { names: ['total', 'main', 'work', 'leaf'] },
      groups: null,
    });
    expect(await (await at('format=md&budget=2000')).text()).toContain('leaf');
    const bytes = new Uint8Array(await (await at('format=pprof')).arrayBuffer());
    expect(stacksOf(fromBinary(ProfileSchema, bytes)).get('main;work')).toBe(4n);
  });

  it('prints the same over the server and over its folder', async () => {
    const query = `${type}{service_name="shop"}`;
    const times = ['--from', String(timeMs - 60_000), '--until', String(timeMs + 60_000)];
    for (const args of [
      ['query', query, ...times],
      ['query', query, ...times, '--format', 'folded'],
      ['query', query, ...times, '--format', 'json'],
      ['query', query, ...times, '--format', 'md'],
      ['query', query, ...times, '--format', 'dot'],
      ['top', query, ...times],
      ['diff', query, ...times, '--baseline-until', String(timeMs)],
      ['series', '--labels'],
    ]) {
      const [asked, read] = [
        await phlox(runtime, [...args, server.url]),
        await phlox(runtime, [...args, dataDir]),
      ];
      expect(asked).toMatchObject({ code: 0, stderr: '' });
      expect([args[0], read]).toEqual([args[0], asked]);
      expect(read.stdout).toContain(args[0] === 'series' ? 'shop' : 'work');
    }
  }, 120_000);
});
