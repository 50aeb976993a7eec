// Queries through the whole app: ten thousand CPU profiles in a head, in blocks of this machine,
// and in an S3 server over HTTP that takes 30 ms more to answer a GET; with and without warm
// caches. Requests go in, encoded answers come out. Every range cuts every block, so that samples
// are read; the rows of whole blocks ask for all of the time. Where nothing is waited for, the time
// is that of the processor, which others on the machine disturb less.
import process from 'node:process';
import type { App } from '../../src/app.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { type BenchOptions, interleave, type Row, row } from './measure.ts';
import { answerOf, fillStore, type Store, s3Store, startMemoryApp } from './query-store.ts';
import { questions, type Span } from './questions.ts';

const getDelayMs = 30;
/** What each cut leaves out at the start, as a share of the time. */
const cutShare = 0.02;

const names = Object.keys(questions) as (keyof typeof questions)[];
type Times = Record<keyof typeof questions, number>;

export async function queryRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  const profiles = isSmoke ? 16 : 10_000;
  const passes = isSmoke ? 1 : 7;
  const head = await fillStore({ profiles, blocks: 0 });
  const rows = await warmRows('live head', head, passes, '≤ 5');
  const blocks = await fillStore({ profiles, blocks: isSmoke ? 2 : 8 });
  rows.push(...(await warmRows('8 local blocks', blocks, passes, '≤ 50')));
  const totals = await timesOf(passes, cpuMs, async () => blocks.app, blocks);
  rows.push(...msRows('8 local blocks, whole', totals, ' ms CPU'));
  return [...rows, ...(await bucketRows(blocks, passes))];
}

const cutOf = ({ startMs, endMs }: Store): Span => ({
  startMs: startMs + Math.ceil((endMs - startMs) * cutShare),
  endMs,
});

async function warmRows(place: string, store: Store, passes: number, budget: string) {
  const span = cutOf(store);
  const samples = store.samplesFrom(span.startMs);
  const ms = await timesOf(passes, cpuMs, async () => store.app, span);
  return names.map((name) =>
    name === 'series'
      ? row(`${place}: ${name}`, ms[name], ' ms CPU')
      : row(`${place}: ${name}`, (ms[name] * 1e6) / samples, ' ns CPU/sample', budget),
  );
}

/** A process that has just started, and the same one when it is asked again. */
async function bucketRows({ remote, ...store }: Store, passes: number): Promise<Row[]> {
  await using s3 = await s3Store(remote, getDelayMs);
  const span = cutOf({ remote, ...store });
  const fresh = () => startMemoryApp(new MemoryBucket(), s3.bucket);
  const cold = await timesOf(passes, wallMs, fresh, span);
  s3.take();
  const app = await fresh();
  await answerOf(app, questions['flame graph'](span));
  const requests = s3.take();
  const warm = await timesOf(passes, wallMs, async () => app, span);
  return [
    ...msRows('8 blocks in S3, cold', cold),
    row('8 blocks in S3, cold: requests of a flame graph', requests, ''),
    ...msRows('8 blocks in S3, warm', warm),
  ];
}

const msRows = (place: string, ms: Times, unit = ' ms') =>
  names.map((name) => row(`${place}: ${name}`, ms[name], unit));

const wallMs = () => performance.now();

/** Of this process, its helper threads included. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Median milliseconds of each question, asked in turns. */
async function timesOf(passes: number, now: () => number, app: () => Promise<App>, span: Span) {
  const contestant = (name: keyof Times) => async () => {
    const asked = await app();
    const startMs = now();
    const { length } = await answerOf(asked, questions[name](span));
    const ms = now() - startMs;
    if (length === 0) throw new Error(`${name} answered nothing`);
    return ms;
  };
  const contestants = names.map((name) => [name, contestant(name)] as const);
  return interleave(passes, Object.fromEntries(contestants)) as Promise<Times>;
}
