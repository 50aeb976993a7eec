// Abuse of real servers, bounded and on the loopback: each hostile request is answered as what it
// is, the process stays up and within its memory, and an honest tenant is served meanwhile. How
// fast is for the bench of the same name.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Prepared,
  prepareHostile,
  pushAs,
  pushLabelValues,
  repeat,
  residentBytes,
  sendHostile,
  slowBodies,
} from '../support/abuse.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

const mib = 2 ** 20;
const memoryMax = 256 * mib;
/** What the runtime takes by itself, the bodies in flight twice, and the heads. */
const residentMax = 200 * mib + 2 * 256 * mib + memoryMax;
let hostile: Prepared[] = [];
beforeAll(() => {
  hostile = prepareHostile(1 / 8);
});

describe.each(serverRuntimes)('on %s', (runtime) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Server;

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await startServer(runtime, {
      dataDir: join(folder.path, 'data'),
      env: { PHLOX_MULTITENANCY: 'true', PHLOX_MEMORY_MAX: String(memoryMax) },
    });
  });
  afterAll(async () => {
    await server?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  it('refuses or stores whatever comes, and serves an honest tenant beside it', async () => {
    const startMs = Date.now();
    const statuses: number[] = [];
    const stopHonest = repeat(async (count) => {
      statuses.push(await pushAs(server.url, 'honest', startMs + count));
    }, 10);
    const stopSlow = slowBodies(server.url, 50);
    const answers: Record<string, number> = {};
    for (const prepared of hostile) {
      const { name, status } = await sendHostile(server.url, prepared);
      answers[name] = status;
    }
    const series = [];
    for (let at = 0; at < 6; at++)
      series.push(await pushLabelValues(server.url, at * 1_000, 1_000));
    for (let at = 0; at < 50; at++) await pushAs(server.url, `tenant-${at}`, startMs);
    stopSlow();
    const pushes = await stopHonest();
    expect(
      Object.entries(answers).filter(
        ([, status]) => ![200, 400, 413, 422, 429, 503].includes(status),
      ),
    ).toEqual([]);
    expect(Object.values(answers).filter((status) => status >= 400).length).toBeGreaterThan(10);
    // Five thousand series are let in.
    expect(series).toEqual([200, 200, 200, 200, 200, 429]);
    expect(pushes).toBeGreaterThan(10);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(await residentBytes(server.url)).toBeLessThan(residentMax);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(await profilesOf(server.url, 'honest')).toBe(pushes);
  }, 120_000);
});

async function profilesOf(url: string, tenant: string): Promise<number> {
  const query = encodeURIComponent('process_cpu:cpu:nanoseconds::{service_name="shop"}');
  const path = `/pyroscope/render?query=${query}&from=now-1h&until=now%2B1h&format=folded`;
  const response = await fetch(url + path, { headers: { 'x-scope-orgid': tenant } });
  // Every profile has one sample of 1.
  return Number((await response.text()).trim().split(' ').at(-1));
}
