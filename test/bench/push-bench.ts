// Pushes over HTTP: phlox against bare routes on the same runtime, all servers up, one client
// process, rounds in turns. Node serves nothing: no rows there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFixture } from '../support/fixtures.ts';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { servesHere, startHelper, stopHelpers } from './processes.ts';
import type { Job, JobResult } from './push-client.ts';
import type { Greeting, ServerKind } from './push-server.ts';

const connections = 32;
const fixture = 'go-cpu';
const kinds: readonly ServerKind[] = [
  'phlox',
  'gunzip',
  'append',
  'phlox-durable',
  'append-durable',
];

export async function pushRows(options: BenchOptions): Promise<Row[]> {
  if (!servesHere()) return [];
  const dataDir = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const ports = new Map<ServerKind, number>();
    for (const kind of kinds) {
      const server = startHelper('push-server.ts', kind, join(dataDir, kind));
      const { port, isDurable } = (await server.next()) as Greeting;
      // Where servers keep their log in memory there is no durable row.
      if (isDurable || !kind.endsWith('-durable')) ports.set(kind, port);
      else server.child.kill('SIGKILL');
    }
    return summary(await rounds(ports, options));
  } finally {
    stopHelpers();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function rounds(
  ports: ReadonlyMap<ServerKind, number>,
  { isSmoke }: BenchOptions,
): Promise<Map<ServerKind, JobResult[]>> {
  const client = startHelper('push-client.ts');
  const results = new Map<ServerKind, JobResult[]>([...ports.keys()].map((kind) => [kind, []]));
  const count = isSmoke ? 1 : 7;
  // The first round warms the compilers and is not counted.
  for (let round = isSmoke ? 0 : -1; round < count; round++) {
    for (const [kind, port] of ports) {
      const durationMs = isSmoke ? 200 : 2_000;
      const job: Job = {
        port,
        kind: kind.startsWith('phlox') ? 'push' : 'profile',
        fixture,
        connections,
        durationMs,
      };
      const result = (await client.ask(job)) as JobResult;
      if (round >= 0) results.get(kind)?.push(result);
    }
  }
  return results;
}

function summary(results: ReadonlyMap<ServerKind, JobResult[]>): Row[] {
  const rate = (kind: ServerKind) =>
    median((results.get(kind) ?? []).map(({ requests, durationMs }) => requests / durationMs));
  const ratio = (of: ServerKind, to: ServerKind) => (100 * rate(of)) / rate(to);
  const p99Ms = (kind: ServerKind) => median((results.get(kind) ?? []).map((one) => one.p99Ms));
  const kilobytes = Math.round(loadFixture(fixture).packed.length / 1_000);
  const name = `push of ${kilobytes} KB, ${connections} connections`;
  const rows = [
    row(`${name}, log in memory ÷ bare gunzip`, ratio('phlox', 'gunzip'), ' %', '≥ 35 %'),
    row(`${name}, log in memory ÷ bare gunzip and append`, ratio('phlox', 'append'), ' %'),
    row(`${name}, log in memory`, rate('phlox') * 1_000, '/s'),
    row(`${name}, log in memory, p99`, p99Ms('phlox'), ' ms'),
  ];
  if (!results.has('phlox-durable')) return rows;
  const durable = ratio('phlox-durable', 'append-durable');
  return [
    ...rows,
    row(`${name}, durable ÷ bare gunzip`, ratio('phlox-durable', 'gunzip'), ' %', '≥ 35 %'),
    row(`${name}, durable ÷ bare gunzip and append`, durable, ' %', '≥ 75 %'),
    row(`${name}, durable`, rate('phlox-durable') * 1_000, '/s'),
    row(`${name}, durable, p99`, p99Ms('phlox-durable'), ' ms'),
  ];
}
