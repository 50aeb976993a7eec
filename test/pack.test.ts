// The packed package as a stranger installs it: what is in the tarball, the `phlox` command under
// npx, Bun and Deno, the library's exports, and its types. Slow: it packs, installs and serves.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryFolder } from './tidy/source.ts';

const run = promisify(execFile);
const minuteMs = 60_000;
const startMsMax = 20_000;
const stopMsMax = 20_000;
const tarballBytesMax = 1024 * 1024;
const outputBytesMax = 16 * 1024 * 1024;

const bin = (name: string): string => join(repositoryFolder, 'node_modules/.bin', name);
/** No setting of ours, and nothing that npm tells the scripts it runs. */
const environment: Record<string, string> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(PHLOX|VITEST|npm_(?!config_))/i.test(name) ? [] : [[name, value]],
  ),
);

let folder = '';
let packed: { filename: string; size: number; files: { path: string; mode: number }[] };
const groups = new Set<number>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phlox-pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: repositoryFolder,
    env: environment,
    maxBuffer: outputBytesMax,
  });
  [packed] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--prefer-offline', '--no-audit', join(folder, packed.filename)], {
    cwd: folder,
    env: environment,
    maxBuffer: outputBytesMax,
  });
}, 5 * minuteMs);

afterAll(async () => {
  for (const group of groups) killGroup(group);
  await rm(folder, { recursive: true, force: true });
});

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    // All of the group has ended by itself: that is what a test wants.
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'ESRCH') throw error;
  }
}

interface Served {
  url: string;
  /** The process that was started: npx or a runtime. */
  child: ChildProcess;
  output(): string;
  /** Resolves when the process and all that hold its output have ended. */
  closed: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts a command that serves, in a process group of its own, and waits until it listens. */
async function serve(name: string, command: string, args: readonly string[]): Promise<Served> {
  const child = spawn(command, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment,
      PHLOX_LISTEN: '127.0.0.1:0',
      PHLOX_DATA_DIR: join(folder, `data-${name}`),
    },
  });
  if (child.pid !== undefined) groups.add(child.pid);
  let output = '';
  const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} is silent:\n${output}`)), startMsMax);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const address = /"msg":"listening".*?"address":"([^"]+)"/.exec(output)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('error', reject);
    child.on('close', () => reject(new Error(`${name} ended before it listened:\n${output}`)));
  });
  return { url, child, output: () => output, closed };
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes over ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function expectServesAndStops(name: string, command: string, args: readonly string[]) {
  const served = await serve(name, command, args);
  const ready = await fetch(`${served.url}/ready`);
  expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('ready')]);
  // Only the process that was started gets the signal, as from a supervisor.
  served.child.kill('SIGTERM');
  const end = await within(stopMsMax, `stopping ${name}`, served.closed);
  expect(served.output()).toContain('"msg":"stopped"');
  await expect(fetch(`${served.url}/ready`)).rejects.toThrow();
  return end;
}

describe('the tarball', () => {
  it('holds the build, its assets, the types and the papers', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'CHANGELOG.md',
        'README.md',
        'package.json',
        'dist/cli.js',
        'dist/index.js',
        'dist/gen/head.wasm',
        'dist/gen/query.wasm',
        'dist/types/package.d.ts',
      ]),
    );
    const sources = readdirSync(join(repositoryFolder, 'src/sql')).filter((each) =>
      each.endsWith('.sql'),
    );
    expect(sources.length).toBeGreaterThan(0);
    expect(paths).toEqual(expect.arrayContaining(sources.map((each) => `dist/sql/${each}`)));
  });

  it('holds no source, test or map, and is small', () => {
    const others = packed.files.filter(
      ({ path }) =>
        !/^dist\/.*\.(js|d\.ts|wasm|sql)$|^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$/.test(
          path,
        ),
    );
    expect(others).toEqual([]);
    expect(packed.size).toBeLessThan(tarballBytesMax);
  });

  it('names no folder of the machine that built it', () => {
    const texts = packed.files.filter(({ path }) => /\.(js|d\.ts|json)$/.test(path));
    const naming = texts.filter(({ path }) =>
      readFileSync(join(folder, 'node_modules/phlox', path), 'utf8').includes(repositoryFolder),
    );
    expect(naming).toEqual([]);
  });
});

describe('the phlox command', () => {
  it(
    'serves through npx on Node alone, and stops when npx is told to',
    async () => {
      await expectServesAndStops('npx', 'npx', ['phlox']);
    },
    minuteMs,
  );

  it(
    'ends as the server ends when Node started it',
    async () => {
      const command = join(folder, 'node_modules/.bin/phlox');
      expect(await expectServesAndStops('node', command, ['serve'])).toEqual({
        code: 0,
        signal: null,
      });
    },
    minuteMs,
  );

  it('hands on arguments and the exit code', async () => {
    const wrong = run('npx', ['phlox', 'serve', '--lissten', 'x'], {
      cwd: folder,
      env: environment,
    });
    await expect(wrong).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('lissten'),
    });
  });

  it('answers its version under Bun', async () => {
    const { stdout } = await run(bin('bun'), ['x', 'phlox', '--version'], {
      cwd: folder,
      env: environment,
    });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    { name: 'bun', command: bin('bun'), args: ['node_modules/phlox/dist/cli.js'] },
    { name: 'deno', command: bin('deno'), args: ['run', '-A', 'node_modules/phlox/dist/cli.js'] },
  ])(
    'serves on $name',
    async ({ name, command, args }) => {
      const end = await expectServesAndStops(name, command, args);
      expect(end).toEqual({ code: 0, signal: null });
    },
    minuteMs,
  );
});

describe('the library', () => {
  const script = `
    import { createApp, Failure, resolveSettings, version } from 'phlox';
    const settings = resolveSettings({ flags: {}, environment: {}, file: {} });
    const kind = new Failure('limit', 'a is 2, limit 1').kind;
    console.log([typeof createApp, kind, settings.listen, typeof version].join(' '));
  `;

  it.each([
    { name: 'Node', command: process.execPath, args: [] },
    { name: 'Bun', command: bin('bun'), args: [] },
    { name: 'Deno', command: bin('deno'), args: ['run', '-A'] },
  ])('is imported on $name', async ({ command, args }) => {
    await writeFile(join(folder, 'use.mjs'), script);
    // Under Bun and Deno this suite's own runtime is not Node: name the command by what it is.
    const node = command === process.execPath ? 'node' : command;
    const { stdout } = await run(node, [...args, 'use.mjs'], { cwd: folder, env: environment });
    expect(stdout.trim()).toBe('function limit 127.0.0.1:4040 string');
  });

  it(
    'has types that a strict project accepts',
    async () => {
      const project = join(folder, 'types');
      await mkdir(project);
      await writeFile(
        join(project, 'use.ts'),
        `import { createApp, Failure, type Platform, type Settings } from 'phlox';
         export async function ready(platform: Platform, settings: Settings): Promise<number> {
           const app = await createApp(platform, settings);
           return (await app.fetch(new Request('http://localhost/ready'))).status;
         }
         // @ts-expect-error a kind that does not exist
         export const failure = new Failure('nonsense', 'a');`,
      );
      await writeFile(
        join(project, 'tsconfig.json'),
        JSON.stringify({
          compilerOptions: {
            module: 'NodeNext',
            target: 'ES2024',
            lib: ['ES2024', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
            strict: true,
            noEmit: true,
            skipLibCheck: true,
            types: [],
          },
        }),
      );
      const { stdout } = await run(bin('tsc'), ['-p', project], { env: environment });
      expect(stdout).toBe('');
    },
    minuteMs,
  );
});
