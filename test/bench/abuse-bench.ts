// Honest tenants beside abuse: a real server, paced clients of four tenants, and meanwhile hostile
// requests, bodies that never end, label values and tenants without end. What their slowest pushes
// wait, against the same clients on the quiet server, and what the server's memory is. Node serves
// nothing: no rows there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  prepareHostile,
  pushAs,
  pushLabelValues,
  repeat,
  residentBytes,
  sendHostile,
  slowBodies,
} from '../support/abuse.ts';
import { type Server, startServer } from '../support/servers.ts';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { serverRuntime, servesHere, startHelper, stopHelpers } from './processes.ts';
import type { JobResult } from './push-client.ts';
import { p99 } from './watched.ts';

const mib = 2 ** 20;
const memoryMax = 1024 * mib;
/** What heads may take, and bodies in flight four times: as they come, inflated, uncollected. */
const residentMaxMib = (memoryMax + 4 * 256 * mib) / mib;
/** In one push. */
const valuesOfPush = 1_000;
const paced = { kind: 'push', fixture: 'go-cpu', connections: 8, pauseMs: 40, tenants: 4 } as const;

export async function abuseRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  if (!servesHere()) return [];
  const folder = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  const hostile = prepareHostile(isSmoke ? 1 / 16 : 1);
  let server: Server | undefined;
  try {
    server = await startServer(serverRuntime(), {
      dataDir: join(folder, 'data'),
      env: { PHLOX_MULTITENANCY: 'true', PHLOX_MEMORY_MAX: String(memoryMax) },
    });
    const { url } = server;
    const client = startHelper('push-client.ts');
    const push = async (durationMs: number) => {
      const job = { ...paced, port: Number(new URL(url).port), spacingUs: 1_000, durationMs };
      return p99(((await client.ask(job)) as JobResult).latenciesMs);
    };
    const [quietMs, abuseMs, rounds] = isSmoke ? [300, 300, 1] : [5_000, 20_000, 3];
    const measured: { quiet: number; beside: number }[] = [];
    const count = { hostile: 0, values: 0, tenants: 0, mostBytes: 0 };
    await push(quietMs);
    for (let at = 0; at < rounds; at++) {
      const quiet = await push(quietMs);
      const stopSlow = slowBodies(url, 100);
      const stops = [
        repeat(async () => {
          await sendHostile(url, hostile[count.hostile++ % hostile.length] as (typeof hostile)[0]);
        }),
        repeat(async () => {
          await pushLabelValues(url, count.values, valuesOfPush);
          count.values += valuesOfPush;
        }),
        repeat(() => pushAs(url, `tenant-${count.tenants++}`, Date.now()), 40),
      ];
      const beside = await push(abuseMs);
      // Not while clients are timed: writing all metrics is a long step itself.
      count.mostBytes = Math.max(count.mostBytes, await residentBytes(url));
      stopSlow();
      await Promise.all(stops.map((stop) => stop()));
      measured.push({ quiet, beside });
    }
    const quiet = median(measured.map((one) => one.quiet));
    const beside = median(measured.map((one) => one.beside));
    return [
      row('honest p99 beside abuse ÷ quiet', beside / quiet, '×', '≤ 3'),
      row('honest p99 beside abuse', beside, ' ms'),
      row('honest p99, quiet', quiet, ' ms'),
      row('most memory beside abuse', count.mostBytes / mib, ' MiB', `≤ ${residentMaxMib}`),
      row('hostile requests meanwhile', count.hostile, ''),
      row('label values meanwhile', count.values, ''),
      row('new tenants meanwhile', count.tenants, ''),
    ];
  } finally {
    stopHelpers();
    // Blocks of hundreds of tenants are not what this is about.
    await server?.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
