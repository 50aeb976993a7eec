// How soon a server takes pushes again: the whole process, from its start command to the first push
// that is answered, with a log full of small profiles and with none. Owns the folders; the process
// is killed each time, as at a crash. Node serves nothing: no rows there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFixture } from '../support/fixtures.ts';
import { startServer } from '../support/servers.ts';
import { fillWithProfiles, smallFixtures } from './log-fill.ts';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { serverRuntime, servesHere } from './processes.ts';
import { requestBody } from './push-body.ts';

const mib = 2 ** 20;
const tenants = 20;

interface Start {
  listeningMs: number;
  pushedMs: number;
  /** What the process had computed by then, on all threads: other load hardly moves it. */
  cpuMs: number;
}

export async function startRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  if (!servesHere()) return [];
  const bytes = (isSmoke ? 4 : 2_048) * mib;
  const folder = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const [full, empty] = [join(folder, 'full'), join(folder, 'empty')];
    const filled = await fillWithProfiles(full, { bytes, fixtures: smallFixtures, tenants });
    const starts: { full: Start; empty: Start }[] = [];
    for (let pass = 0; pass < (isSmoke ? 1 : 5); pass++) {
      starts.push({ full: await start(full), empty: await start(empty) });
    }
    const medianOf = (pick: (one: (typeof starts)[number]) => number) => median(starts.map(pick));
    const pushedMs = medianOf((one) => one.full.pushedMs);
    const listeningMs = medianOf((one) => one.full.listeningMs);
    const emptyMs = medianOf((one) => one.empty.pushedMs);
    const kilobytes = (filled.bytes / filled.records / 1_000).toFixed(1);
    const log = `a log of ${bytes / mib} MiB`;
    return [
      row(`start to first push, ${log}`, pushedMs, ' ms', '≤ 2,000'),
      row(`start to listening, ${log}`, listeningMs, ' ms'),
      row(
        `start to first push, ${log}, CPU`,
        medianOf((one) => one.full.cpuMs),
        ' ms',
      ),
      row('start to first push, empty log', emptyMs, ' ms'),
      row(
        'start to first push, empty log, CPU',
        medianOf((one) => one.empty.cpuMs),
        ' ms',
      ),
      row(`start to first push, ${log} ÷ empty log`, pushedMs / emptyMs, '×'),
      row(`profiles of ${kilobytes} KB in that log`, filled.records, ''),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(dataDir: string): Promise<Start> {
  const startMs = performance.now();
  await using server = await startServer(serverRuntime(), {
    dataDir,
    env: {
      PHLOX_MULTITENANCY: 'true',
      // Nothing is flushed while it is measured: the next start shall find the same log.
      PHLOX_LOG_BYTES_MAX: '4GiB',
      PHLOX_MEMORY_MAX: '4GiB',
      PHLOX_HEAD_AGE_MAX: '24h',
    },
  });
  const listeningMs = performance.now() - startMs;
  const labels = { __name__: 'bench', service_name: 'bench' };
  const { bytes, stamp } = requestBody(loadFixture('go-block').plain, labels);
  stamp(BigInt(Date.now()) * 1_000_000n);
  const response = await fetch(`${server.url}/push.v1.PusherService/Push`, {
    method: 'POST',
    headers: { 'content-type': 'application/proto', 'x-scope-orgid': 'tenant-0' },
    body: bytes,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the first push was answered ${response.status}: ${text}`);
  const pushedMs = performance.now() - startMs;
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const cpuSeconds = /^process_cpu_seconds_total (\S+)$/m.exec(metrics)?.[1];
  await server.stop('SIGKILL');
  return { listeningMs, pushedMs, cpuMs: Number(cpuSeconds) * 1_000 };
}
