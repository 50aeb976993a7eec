// The benches of one runtime: prints `{ version, rows }` as JSON. Started by run.mjs, which passes
// the options as one JSON argument. A bench that cannot run fails the process.
import process from 'node:process';
import { abuseRows } from './abuse-bench.ts';
import { askingRows } from './asking-bench.ts';
import { blockRows } from './block-bench.ts';
import { blockReadRows } from './block-read-bench.ts';
import { flushRows } from './flush-bench.ts';
import { kernelRows } from './kernel-bench.ts';
import type { BenchOptions, Row } from './measure.ts';
import { memoryRows } from './memory-bench.ts';
import { mergeRows } from './merge-bench.ts';
import { pushRows } from './push-bench.ts';
import { queryRows } from './query-bench.ts';
import { replayRows } from './replay-bench.ts';
import { soakRows } from './soak-bench.ts';
import { startRows } from './start-bench.ts';
import { workerRows } from './worker-bench.ts';

const groups: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  // First, because it looks at the memory of this process.
  memory: memoryRows,
  kernel: kernelRows,
  merge: mergeRows,
  block: blockRows,
  read: blockReadRows,
  query: queryRows,
  push: pushRows,
  flush: flushRows,
  asking: askingRows,
  abuse: abuseRows,
  replay: replayRows,
  start: startRows,
  soak: soakRows,
  worker: workerRows,
};

function runtimeVersion(): string {
  const { bun, deno, node } = process.versions as Record<string, string | undefined>;
  return bun ?? deno ?? node ?? 'unknown';
}

async function main(argument: string): Promise<void> {
  const { smoke, only, naiveScan } = JSON.parse(argument);
  const unknown = only.filter((name: string) => !(name in groups));
  if (unknown.length > 0) throw new Error(`no group ${unknown}, known: ${Object.keys(groups)}`);
  const rows: Row[] = [];
  for (const [name, run] of Object.entries(groups)) {
    if (only.length > 0 && !only.includes(name)) continue;
    rows.push(...(await run({ isSmoke: smoke, naiveScan })));
  }
  process.stdout.write(JSON.stringify({ version: runtimeVersion(), rows }));
}

await main(process.argv[2] ?? '{}');
process.exit(0);
