// Blocks that workerd writes are those of Bun and Deno of the same pushes, byte for byte, but for
// what names a block and its log; and DuckDB reads them.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../fixtures/random.ts';
import { openDuckdb } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { type PushSeries, pushAccepted } from '../support/http-push.ts';
import { openLimitsText } from '../support/open-limits.ts';
import { randomPush } from '../support/random-query.ts';
import { serverRuntimes, startServer } from '../support/servers.ts';
import { stamped } from '../support/stamp.ts';
import { blockNames } from '../support/stored-profiles.ts';
import { type BuiltWorker, builtWorker, startWorker } from '../support/workerd.ts';

const seed = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
const startMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;

/** Pushes of real clients, and of corners; each carries its time, as clocks are not the same. */
function pushesOf(): PushSeries[][] {
  const random = createRandom(seed);
  const names = ['go-cpu', 'go-heap-1', 'rust-cpu', 'jvm-cpu'] as const;
  const real = names.map((name, at) => [
    {
      labels: { __name__: 'memory', service_name: `service-${at % 2}`, pod: name },
      profiles: [
        stamped(loadFixture(name).packed, BigInt(startMs) * 1_000_000n),
        loadFixture(name).packed,
      ],
    },
  ]);
  const times = { fromMs: startMs, toMs: startMs + hourMs, stepMs: 60_000, isTimed: true };
  const drawn = Array.from({ length: 40 }, () => {
    const { labels, profile } = randomPush(random, { tenants: ['anonymous'], ...times });
    return [{ labels: Object.fromEntries(labels), profiles: [profile] }];
  });
  return [...real, ...drawn];
}

/** Sends them one after another, in two blocks. */
async function pushAll(url: string): Promise<void> {
  const pushes = pushesOf();
  for (const [at, series] of pushes.entries()) {
    await pushAccepted(url, series);
    if (at !== pushes.length >> 1 && at !== pushes.length - 1) continue;
    expect((await fetch(`${url}/flush`, { method: 'POST' })).status).toBe(204);
  }
}

let root: BuiltWorker;
let ours: string;

beforeAll(async () => {
  root = await builtWorker();
  const { bundle } = root;
  const variables = {
    PHLOX_INSECURE: 'true',
    PHLOX_LOG_LEVEL: 'error',
    PHLOX_HEAD_AGE_MAX: '24h',
    PHLOX_LIMITS: openLimitsText,
  };
  const worker = await startWorker({ bundle, folder: join(root.path, 'stores'), variables });
  try {
    await pushAll(worker.url);
    await worker.copyBucket(join(root.path, 'copy'));
  } finally {
    await worker.stop();
  }
  ours = join(root.path, 'copy/anonymous/phlaredb');
}, 180_000);
afterAll(() => root[Symbol.asyncDispose]());

/** Each block's files, oldest block first, without what is another one's in each run. */
async function blocksIn(folder: string): Promise<Map<string, Buffer>[]> {
  const blocks: Map<string, Buffer>[] = [];
  for (const ulid of (await blockNames(folder)).sort()) {
    const files = new Map<string, Buffer>();
    for (const name of (await readdir(join(folder, ulid))).sort()) {
      const bytes = await readFile(join(folder, ulid, name));
      files.set(name, name === 'meta.json' ? withoutNames(bytes, ulid) : bytes);
    }
    blocks.push(files);
  }
  return blocks;
}

function withoutNames(meta: Buffer, ulid: string): Buffer {
  const { log: _, ...rest } = JSON.parse(meta.toString());
  return Buffer.from(JSON.stringify(rest).replaceAll(ulid, 'ULID'));
}

it.each(serverRuntimes)(
  `writes the bytes of a server on %s (PHLOX_TEST_SEED=${seed})`,
  async (runtime) => {
    const dataDir = join(root.path, runtime);
    const server = await startServer(runtime, { dataDir, env: { PHLOX_HEAD_AGE_MAX: '24h' } });
    try {
      await pushAll(server.url);
    } finally {
      await server.stop();
    }
    const theirs = await blocksIn(join(dataDir, 'tenants/anonymous/local'));
    const mine = await blocksIn(ours);
    expect(mine).toHaveLength(2);
    expect(theirs.map((files) => [...files.keys()])).toEqual(
      mine.map((files) => [...files.keys()]),
    );
    for (const [at, files] of mine.entries()) {
      expect(files.size).toBe(9);
      for (const [name, bytes] of files) {
        const other = theirs[at]?.get(name);
        // Text is shown where it differs, other bytes are not.
        if (name === 'meta.json') expect(String(other)).toBe(String(bytes));
        expect([at, name, other !== undefined && bytes.equals(other)]).toEqual([at, name, true]);
      }
    }
  },
  60_000,
);

it('is read by DuckDB', async () => {
  const stored = new Map<string, number>();
  for (const ulid of await blockNames(ours)) {
    const meta = JSON.parse(await readFile(join(ours, ulid, 'meta.json'), 'utf8'));
    stored.set(join(ours, ulid), meta.stats.numProfiles);
  }
  const duckdb = await openDuckdb();
  try {
    const rows = await duckdb.rows(
      `SELECT block, count(*) AS profiles FROM block_table('${ours}/*', 'profiles') GROUP BY ALL`,
    );
    const found = rows.map(({ block, profiles }) => [String(block), Number(profiles)] as const);
    expect(new Map(found)).toEqual(stored);
    expect(stored.size).toBe(2);
  } finally {
    duckdb.close();
  }
});
