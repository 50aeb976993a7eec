// Real clients on real servers, with basic credentials: the Node SDK profiles a busy program here
// and now; what the Go, Python and Rust SDKs and the Collector sent is sent again, byte for byte.
// The busy function is found by its name, under the labels that the program gave it.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKeys } from '../../src/auth/keys.ts';
import { around, assertFound, clients, shareOf, typesOf } from '../support/client-answers.ts';
import {
  capturedBearer,
  capturedEntry,
  capturedMs,
  captures,
  replay,
} from '../support/client-replay.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { newKey } from '../support/keys.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

const program = fileURLToPath(new URL('../clients/node/busy.mjs', import.meta.url));
const node = newKey('team-node', 'push', 'query');

interface Running {
  folder: Awaited<ReturnType<typeof temporaryFolder>>;
  server: Server;
}
const running = new Map<string, Running>();

/** Both servers at once: the programs take their time, not the machine's. */
beforeAll(async () => {
  await Promise.all(serverRuntimes.map(start));
  await Promise.all([...running.values()].map(({ server }) => profileNode(server.url)));
});

afterAll(async () => {
  for (const { server, folder } of running.values()) {
    await server.stop();
    await folder[Symbol.asyncDispose]();
  }
});

async function start(runtime: (typeof serverRuntimes)[number]): Promise<void> {
  const folder = await temporaryFolder();
  const keys = join(folder.path, 'keys.json');
  await writeFile(keys, formatKeys([node.entry, capturedEntry]));
  const env = { PHLOX_KEYS: keys };
  const server = await startServer(runtime, { dataDir: join(folder.path, 'data'), env });
  running.set(runtime, { folder, server });
}

async function profileNode(url: string): Promise<void> {
  const credentials = { PHLOX_USER: 'team-node', PHLOX_PASSWORD: node.key };
  const env = { PATH: process.env['PATH'], PHLOX_URL: url, ...credentials };
  await promisify(execFile)('node', [program], { env });
}

const captured = around(capturedMs, 40_000_000);
const range = around(Date.now(), 3_600_000);

const heap = 'memory:inuse_space:bytes:inuse_space:bytes';

describe.each(serverRuntimes)('on %s', (runtime) => {
  const urlOf = () => running.get(runtime)?.server.url ?? '';

  it('the Node SDK is heard as it profiles: wall, CPU and heap', async () => {
    const types = await typesOf(urlOf(), range, node.bearer, 'busy.node');
    expect(types).toEqual([
      'memory:inuse_objects:count:inuse_space:bytes',
      heap,
      'wall:cpu:nanoseconds:wall:nanoseconds',
      'wall:samples:count:wall:nanoseconds',
      'wall:wall:nanoseconds:wall:nanoseconds',
    ]);
    const share = (name: RegExp, query: string) =>
      shareOf(name, urlOf(), query, range, node.bearer);
    const selector = '{service_name="busy.node",region="north",endpoint="/checkout"}';
    for (const type of ['wall:wall', 'wall:cpu'].map(
      (one) => `${one}:nanoseconds:wall:nanoseconds`,
    )) {
      expect(await share(/busy\.mjs:burnCpu:/, type + selector)).toBeGreaterThan(0.3);
    }
    const held = `${heap}{service_name="busy.node",region="north"}`;
    expect(await share(/busy\.mjs:keepMemory:/, held)).toBeGreaterThan(0.3);
  });

  it.each(clients)('what $client sent is stored', async (expected) => {
    const requests = captures(expected.client);
    expect(requests).toHaveLength(expected.requests);
    for (const { file, bytes } of requests) {
      expect([file, await replay(urlOf(), bytes)]).toEqual([file, { status: 200, body: '' }]);
    }
    await assertFound(expected, urlOf(), captured, capturedBearer);
  });
});
