// `npm run bench`: runs the benches on Node, Bun and Deno, one after another, and prints their rows
// as a Markdown table. Owns the processes and the table; what is measured is in main.ts.
//   --smoke            few passes: finds broken benches, its figures mean nothing
//   --runtimes=a,b     some of node, bun, deno
//   --only=a,b         some of the groups in main.ts
//   --write            also puts the table into README.md beside this file
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { compileNaiveScan } from './naive-scan.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, '../..');
const scratch = join(repository, '.tmp/bench');
const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    runtimes: { type: 'string', default: 'node,bun,deno' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});

/** Node 20 cannot run TypeScript: one file, in which every module still knows where it was. */
async function bundleForNode() {
  const outfile = join(scratch, 'main.mjs');
  const keepPlaces = {
    name: 'keep-places',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8').replaceAll(
          'import.meta.url',
          JSON.stringify(pathToFileURL(path).href),
        ),
        loader: 'ts',
      }));
    },
  };
  await build({
    entryPoints: [join(here, 'main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    plugins: [keepPlaces],
  });
  return outfile;
}

async function commandOf(runtime) {
  const binary = join(repository, 'node_modules/.bin', runtime);
  if (runtime === 'bun') return [binary, join(here, 'main.ts')];
  if (runtime === 'deno') return [binary, 'run', '-A', join(here, 'main.ts')];
  return [process.execPath, await bundleForNode()];
}

/** Rows of one runtime; fails when its process does. */
async function rowsOf(runtime, naiveScan) {
  const [command, ...args] = await commandOf(runtime);
  const settings = { smoke: options.smoke, only: options.only.split(',').filter(Boolean) };
  const child = spawn(command, [...args, JSON.stringify({ ...settings, naiveScan })], {
    cwd: repository,
    // As the start script has it: see `src/cli/launch.ts`.
    env: { BUN_JSC_maxNumWasmFastMemories: '10000', ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killChild = () => child.kill('SIGKILL');
  process.on('exit', killChild);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  process.off('exit', killChild);
  if (code !== 0) throw new Error(`the benches ended with ${code} on ${runtime}`);
  return JSON.parse(output);
}

function table(results) {
  const names = [...new Set(results.flatMap(({ rows }) => rows.map((row) => row.name)))];
  const heads = results.map(({ runtime }) => runtime);
  const lines = [
    `| what | budget | ${heads.join(' | ')} |`,
    `|---|---|${heads.map(() => '---:').join('|')}|`,
  ];
  for (const name of names) {
    const found = results.map(({ rows }) => rows.find((row) => row.name === name));
    const budget = found.map((row) => row?.budget).find(Boolean) ?? '';
    const cells = found.map((row) => row?.text ?? '');
    lines.push(`| ${name} | ${budget} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

function machine() {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${model}, ${cpus().length} cores, ${memory}, ${platform()} ${arch()}`;
}

function writeReadme(text) {
  const file = join(here, 'README.md');
  const [start, end] = ['<!-- results -->', '<!-- end of results -->'];
  const old = readFileSync(file, 'utf8');
  const [before, rest] = [old.split(start)[0], old.split(end)[1]];
  if (rest === undefined) throw new Error(`${start} and ${end} are not both in README.md`);
  writeFileSync(file, `${before}${start}\n\n${text}\n\n${end}${rest}`);
}

mkdirSync(scratch, { recursive: true });
try {
  const naiveScan = join(scratch, 'naive-scan.wasm');
  writeFileSync(naiveScan, await compileNaiveScan());
  const results = [];
  const runtimes = options.runtimes.split(',');
  const add = async (runtime, at) => {
    const { version, rows } = await rowsOf(runtime, naiveScan);
    results[at] = { runtime: `${runtime} ${version}`, rows };
  };
  // Whether they still run does not depend on how fast: all at once then.
  if (options.smoke) await Promise.all(runtimes.map(add));
  else for (const [at, runtime] of runtimes.entries()) await add(runtime, at);
  const text = `${machine()}\n\n${table(results)}`;
  console.log(text);
  if (options.write) writeReadme(text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
