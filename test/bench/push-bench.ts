// Pushes over HTTP: phlox against bare routes on the same runtime, all servers up, one client
// process, rounds in turns. Node serves nothing: no rows there.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadFixture } from '../support/fixtures.ts';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import type { Job, JobResult } from './push-client.ts';
import type { ServerKind } from './push-server.ts';

const connections = 32;
const fixture = 'go-cpu';
const kinds: readonly ServerKind[] = [
  'phlox',
  'gunzip',
  'append',
  'phlox-durable',
  'append-durable',
];

interface Greeting {
  port: number;
  isDurable: boolean;
}

interface Helper {
  child: ChildProcess;
  /** The next line of its standard output, parsed. */
  next(): Promise<unknown>;
}

const helpers = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of helpers) child.kill('SIGKILL');
});

export async function pushRows(options: BenchOptions): Promise<Row[]> {
  if (!('Bun' in globalThis) && !('Deno' in globalThis)) return [];
  const dataDir = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const ports = new Map<ServerKind, number>();
    for (const kind of kinds) {
      const server = start('push-server.ts', kind, join(dataDir, kind));
      const { port, isDurable } = (await server.next()) as Greeting;
      // Where servers keep their log in memory there is no durable row.
      if (isDurable || !kind.endsWith('-durable')) ports.set(kind, port);
      else server.child.kill('SIGKILL');
    }
    return summary(await rounds(ports, options));
  } finally {
    for (const child of helpers) child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function rounds(
  ports: ReadonlyMap<ServerKind, number>,
  { isSmoke }: BenchOptions,
): Promise<Map<ServerKind, JobResult[]>> {
  const client = start('push-client.ts');
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
      client.child.stdin?.write(`${JSON.stringify(job)}\n`);
      const result = (await client.next()) as JobResult;
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

/** Starts a file of this folder: servers on the runtime that runs the bench, the client on Bun. */
function start(file: string, ...args: string[]): Helper {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const isOnDeno = 'Deno' in globalThis && file === 'push-server.ts';
  const runtime = isOnDeno ? 'deno' : 'bun';
  const command = fileURLToPath(new URL(`../../node_modules/.bin/${runtime}`, import.meta.url));
  const child = spawn(command, [...(isOnDeno ? ['run', '-A'] : []), path, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  helpers.add(child);
  child.on('close', () => helpers.delete(child));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    if (line.done) throw new Error(`${file} ${args[0] ?? ''} ended`);
    return JSON.parse(line.value);
  };
  return { child, next };
}
