// What a flush does to those who push meanwhile: a head of a million samples is written to a block
// while paced clients push, beside the same clients on a quiet server. One server on the runtime
// under test, the client in a process of its own. Node serves nothing: no rows there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { type Helper, servesHere, startHelper, stopHelpers } from './processes.ts';
import type { Greeting } from './push-server.ts';
import { fillHead, p99, post, pushPaced, stallMs } from './watched.ts';

const quietMs = 3_000;
/** A watched client starts a little before what it watches. */
const pieceMs = 250;

interface Round {
  quiet: number[];
  flushing: number[];
  quietStallMs: number;
  flushStallMs: number;
  flushMs: number;
}

export async function flushRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  if (!servesHere()) return [];
  const samples = isSmoke ? 20_000 : 1_000_000;
  const dataDir = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const server = startHelper('push-server.ts', 'phlox-watched', dataDir);
    const { port } = (await server.next()) as Greeting;
    const client = startHelper('push-client.ts');
    const rounds: Round[] = [];
    const count = isSmoke ? 1 : 9;
    // The first round warms the compilers and is not counted.
    for (let at = isSmoke ? 0 : -1; at < count; at++) {
      const one = await round(port, client, samples, isSmoke ? pieceMs : quietMs);
      if (at >= 0) rounds.push(one);
    }
    return summary(rounds, samples);
  } finally {
    stopHelpers();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function round(port: number, client: Helper, samples: number, ms: number): Promise<Round> {
  await fillHead(port, client, samples);
  await stallMs(port);
  const quiet = await pushPaced(port, client, ms);
  const quietStallMs = await stallMs(port);
  const startMs = performance.now();
  let flushMs: number | undefined;
  const flushing = post(port, '/flush').then(() => {
    flushMs = performance.now() - startMs;
  });
  const during: number[] = [];
  // In pieces, because nobody knows beforehand how long the flush will take.
  while (flushMs === undefined) {
    during.push(...(await pushPaced(port, client, pieceMs)));
  }
  await flushing;
  const flushStallMs = await stallMs(port);
  return { quiet, flushing: during, quietStallMs, flushStallMs, flushMs };
}

/** Medians over the rounds, so that one slow fsync of a shared disk does not decide. */
function summary(rounds: readonly Round[], samples: number): Row[] {
  const quiet = median(rounds.map((one) => p99(one.quiet)));
  const flushing = median(rounds.map((one) => p99(one.flushing)));
  const medianOf = (pick: (one: Round) => number) => median(rounds.map(pick));
  const head = `a head of ${samples / 1_000}k samples`;
  return [
    row(`push p99 while ${head} is flushed ÷ quiet`, flushing / quiet, '×', '≤ 2'),
    row('push p99, paced clients, quiet', quiet, ' ms'),
    row(
      `longest stall while ${head} is flushed`,
      medianOf((one) => one.flushStallMs),
      ' ms',
    ),
    row(
      'longest stall, paced clients, quiet',
      medianOf((one) => one.quietStallMs),
      ' ms',
    ),
    row(
      `flush of ${head} beside pushes`,
      medianOf((one) => one.flushMs),
      ' ms',
    ),
  ];
}
