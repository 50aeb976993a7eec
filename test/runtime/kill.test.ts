// Kill −9 under load on real servers: clients repeat every push until it is answered 200, and each
// profile is found exactly once in the blocks. `PHLOX_TEST_KILLS` sets the rounds per runtime.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../fixtures/random.ts';
import { openDuckdb, temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { push } from '../support/http-push.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';
import { stamped } from '../support/stamp.ts';

const rounds = Number(process.env['PHLOX_TEST_KILLS'] ?? 5);
const seed = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
const connections = 8;
const tenants = ['team-a', 'team-b'];
const { packed } = loadFixture('rust-cpu');
/** Two sample types in two label groups. */
const rowsOfOne = 4;
const baseNs = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

/** What the clients share: where the server is now, and what was acknowledged. */
interface Load {
  url: string | undefined;
  isOver: boolean;
  nextTime: bigint;
  acknowledged: Map<string, bigint[]>;
}

/** Pushes one profile after the other, each until it is acknowledged. */
async function client(load: Load, index: number): Promise<void> {
  const tenant = tenants[index % tenants.length] as string;
  const labels = { __name__: 'cpu', service_name: `service-${index % 3}` };
  while (!load.isOver) {
    const timeNs = baseNs + load.nextTime++;
    const profiles = [stamped(packed, timeNs)];
    while (!(await isAcknowledged(load, [{ labels, profiles }], tenant))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    load.acknowledged.get(tenant)?.push(timeNs);
  }
}

async function isAcknowledged(
  load: Load,
  series: Parameters<typeof push>[1],
  tenant: string,
): Promise<boolean> {
  if (load.url === undefined) return false;
  try {
    const response = await push(load.url, series, {
      headers: { 'x-scope-orgid': tenant },
      // A client gives up on an answer and sends again: so do these, now and then.
      signal: AbortSignal.timeout(2_000),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    // Connection refused, reset or timed out: nobody knows whether it was stored.
    return false;
  }
}

describe.each(serverRuntimes)('on %s', (runtime) => {
  it(
    `stores every acknowledged profile once over ${rounds} kills (seed ${seed})`,
    async () => {
      await using folder = await temporaryFolder();
      const dataDir = join(folder.path, 'data');
      const env = { PHLOX_MULTITENANCY: 'true', PHLOX_HEAD_BYTES_MAX: '1MiB' };
      const random = createRandom(seed);
      const load: Load = {
        url: undefined,
        isOver: false,
        nextTime: 1n,
        acknowledged: new Map(tenants.map((tenant) => [tenant, []])),
      };
      const clients = Array.from({ length: connections }, (_, index) => client(load, index));
      let server: Server | undefined;
      for (let round = 0; round <= rounds; round++) {
        server = await startServer(runtime, { dataDir, env });
        load.url = server.url;
        await new Promise((resolve) => setTimeout(resolve, 100 + random.below(900)));
        if (round === rounds) break;
        load.url = undefined;
        await server.stop('SIGKILL');
      }
      load.isOver = true;
      await Promise.all(clients);
      expect(await server?.stop()).toEqual({ code: 0, signal: null });
      for (const tenant of tenants) {
        const times = load.acknowledged.get(tenant) as bigint[];
        expect(times.length).toBeGreaterThan(0);
        expect(await storedTimes(dataDir, tenant)).toEqual(
          new Map(times.map((timeNs) => [timeNs, 1n])),
        );
      }
    },
    60_000 + rounds * 10_000,
  );
});

/** How often each profile is stored, told by its time: all of its rows, in all of its series. */
async function storedTimes(dataDir: string, tenant: string): Promise<Map<bigint, bigint>> {
  const duckdb = await openDuckdb();
  const blocks = join(dataDir, 'tenants', tenant, 'local/*');
  const rows = await duckdb.rows(
    `SELECT time_ns, max(copies) AS copies FROM (
       SELECT p.time_ns, s.labels, count(*) AS copies
       FROM block_table('${blocks}', 'profiles') p
       JOIN block_table('${blocks}', 'series') s USING (block, series_id)
       GROUP BY ALL
     ) GROUP BY time_ns HAVING count(*) = ${rowsOfOne}`,
  );
  duckdb.close();
  return new Map(rows.map((row) => [row['time_ns'] as bigint, row['copies'] as bigint]));
}
