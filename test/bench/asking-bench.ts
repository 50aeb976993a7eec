// What heavy queries do to those who push meanwhile: a block and a head of a million samples each
// are asked for flame graphs and pprofs, two questions at a time, beside paced clients; and the
// same clients on a quiet server. One server on the runtime under test. Node serves nothing: no
// rows there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { type Helper, servesHere, startHelper, stopHelpers } from './processes.ts';
import type { Greeting } from './push-server.ts';
import { type Question, questions, requestOf } from './questions.ts';
import { fillHead, p99, post, pushPaced, stallMs } from './watched.ts';

const questionsAtOnce = 2;
const hourMs = 3_600_000;
/** Of the times of profiles, not of the clock. */
const cutMs = 10;

interface Round {
  quiet: number[];
  asking: number[];
  quietStallMs: number;
  askingStallMs: number;
  answerMs: number[];
}

export async function askingRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  if (!servesHere()) return [];
  const samples = isSmoke ? 20_000 : 1_000_000;
  const dataDir = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const server = startHelper('push-server.ts', 'phlox-watched', dataDir);
    const { port } = (await server.next()) as Greeting;
    const client = startHelper('push-client.ts');
    // The client's profiles have times from now on, a millisecond apart. The range begins after
    // the first ones, or the block's totals would be the answer.
    const startMs = Date.now() + cutMs;
    await fillHead(port, client, samples);
    await post(port, '/flush');
    await fillHead(port, client, samples);
    const rounds: Round[] = [];
    const count = isSmoke ? 1 : 9;
    // The first round warms the compilers and is not counted.
    for (let at = isSmoke ? 0 : -1; at < count; at++) {
      const one = await round(port, client, startMs, isSmoke ? 250 : 2_000);
      if (at >= 0) rounds.push(one);
    }
    return summary(rounds);
  } finally {
    stopHelpers();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function round(port: number, client: Helper, startMs: number, ms: number): Promise<Round> {
  await stallMs(port);
  const quiet = await pushPaced(port, client, ms);
  const quietStallMs = await stallMs(port);
  const span = { startMs, endMs: startMs + hourMs };
  let isOver = false;
  const answerMs: number[] = [];
  const askers = Array.from({ length: questionsAtOnce }, async (_, asker) => {
    for (let at = asker; !isOver; at++) {
      const beganMs = performance.now();
      await ask(port, questions[at % 2 === 0 ? 'flame graph' : 'pprof'](span));
      answerMs.push(performance.now() - beganMs);
    }
  });
  const asking = await pushPaced(port, client, ms);
  isOver = true;
  await Promise.all(askers);
  return { quiet, asking, quietStallMs, askingStallMs: await stallMs(port), answerMs };
}

async function ask(port: number, question: Question): Promise<void> {
  const response = await fetch(requestOf(`http://127.0.0.1:${port}`, question));
  const { byteLength } = await response.arrayBuffer();
  if (response.ok && byteLength > 1_000) return;
  throw new Error(`${question.path} answered ${response.status} and ${byteLength} bytes`);
}

/** Medians over the rounds, so that one slow fsync of a shared disk does not decide. */
function summary(rounds: readonly Round[]): Row[] {
  const medianOf = (pick: (one: Round) => number) => median(rounds.map(pick));
  const quiet = medianOf((one) => p99(one.quiet));
  const asking = medianOf((one) => p99(one.asking));
  const stall = medianOf((one) => one.askingStallMs);
  const quietStall = medianOf((one) => one.quietStallMs);
  const answer = median(rounds.flatMap((one) => one.answerMs));
  const beside = 'beside two queries of 2000k samples';
  return [
    row(`push p99 ${beside} ÷ quiet`, asking / quiet, '×', '≤ 2'),
    row(`push p99 ${beside}`, asking, ' ms'),
    row(`longest stall ${beside}`, stall, ' ms'),
    row('longest stall, paced clients, no query', quietStall, ' ms'),
    row('such a query beside pushes', answer, ' ms'),
  ];
}
