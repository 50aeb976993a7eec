// Real clients on real servers, with basic credentials: the Node SDK profiles a busy program here
// and now; what the Go, Python and Rust SDKs sent of such programs is sent again, byte for byte.
// The busy function is found by its name, under the labels that the program gave it.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKeys } from '../../src/auth/keys.ts';
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

const range = { start: String(Date.now() - 3_600_000), end: String(Date.now() + 3_600_000) };
/** When the captures were taken; a query may ask for a day. */
const captured = { start: String(capturedMs - 40_000_000), end: String(capturedMs + 40_000_000) };
type Range = typeof range;
type Headers = Record<string, string>;

async function ask(url: string, method: string, body: object, headers: Headers): Promise<unknown> {
  const response = await fetch(`${url}/querier.v1.QuerierService/${method}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return response.json();
}

async function typesOf(url: string, times: Range, headers: Headers, service: string) {
  const matchers = [`{service_name="${service}"}`];
  const asked = { matchers, labelNames: ['__profile_type__'], ...times };
  const { labelsSet = [] } = (await ask(url, 'Series', asked, headers)) as {
    labelsSet?: { labels: { value: string }[] }[];
  };
  return labelsSet.flatMap(({ labels }) => labels.map(({ value }) => value)).sort();
}

/** Stacks, root first, with their values. */
async function stacksOf(url: string, query: string, times: Range, headers: Headers) {
  const parameters = new URLSearchParams({ query, from: times.start, until: times.end });
  const path = `/pyroscope/render?${parameters}&format=folded`;
  const response = await fetch(url + path, { headers });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const at = line.lastIndexOf(' ');
      return { frames: line.slice(0, at).split(';'), value: Number(line.slice(at + 1)) };
    });
}

/** The part of all values that was counted in stacks through a function. */
async function shareOf(name: RegExp, ...asked: Parameters<typeof stacksOf>): Promise<number> {
  const stacks = await stacksOf(...asked);
  const sum = (some: typeof stacks) => some.reduce((total, { value }) => total + value, 0);
  return sum(stacks.filter(({ frames }) => frames.some((one) => name.test(one)))) / sum(stacks);
}

interface Client {
  client: string;
  requests: number;
  burn: RegExp;
  keep?: RegExp;
  types: string[];
}

const cpu = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const memory = ['alloc_objects:count', 'alloc_space:bytes', 'inuse_objects:count'].map(
  (type) => `memory:${type}:space:bytes`,
);
const heap = 'memory:inuse_space:bytes:inuse_space:bytes';
const inUse = 'memory:inuse_space:bytes:space:bytes';
const clients: Client[] = [
  {
    client: 'go',
    requests: 6,
    burn: /^main\.burnCpu$/,
    keep: /^main\.keepMemory$/,
    types: [
      'block:contentions:count:contentions:count',
      'block:delay:nanoseconds:contentions:count',
      'goroutines:goroutine:count:goroutine:count',
      ...memory,
      inUse,
      'mutex:contentions:count:contentions:count',
      'mutex:delay:nanoseconds:contentions:count',
      cpu,
      'process_cpu:samples:count:cpu:nanoseconds',
    ],
  },
  {
    client: 'python',
    requests: 2,
    burn: /^burn_cpu$/,
    keep: /^keep_memory$/,
    types: [...memory, inUse, cpu],
  },
  { client: 'rust', requests: 2, burn: /burn_cpu/, types: [cpu] },
];

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

  it.each(clients)('what the $client SDK sent is stored', async ({ client, ...expected }) => {
    const requests = captures(client);
    expect(requests).toHaveLength(expected.requests);
    for (const { file, bytes } of requests) {
      expect([file, await replay(urlOf(), bytes)]).toEqual([file, { status: 200, body: '' }]);
    }
    const service = `busy.${client}`;
    expect(await typesOf(urlOf(), captured, capturedBearer, service)).toEqual(expected.types);
    const share = (name: RegExp, query: string) =>
      shareOf(name, urlOf(), query, captured, capturedBearer);
    const selector = `{service_name="${service}",region="north"}`;
    expect(await share(expected.burn, cpu + selector)).toBeGreaterThan(0.8);
    const labelled = `${cpu}{service_name="${service}",endpoint="/checkout"}`;
    expect(await share(expected.burn, labelled)).toBeGreaterThan(0.9);
    if (expected.keep === undefined) return;
    expect(await share(expected.keep, inUse + selector)).toBeGreaterThan(0.15);
  });
});
