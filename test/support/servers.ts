// Starts the real server as an operator does, on a free port of the loopback, and stops it. Owns
// every process it starts: whatever a test forgets is killed when the test process exits.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openLimitsPath } from './open-limits.ts';

export type ServerRuntime = 'bun' | 'deno';
export const serverRuntimes: readonly ServerRuntime[] = ['bun', 'deno'];

export interface ServerOptions {
  /** Absolute; the caller makes and removes it. */
  dataDir: string;
  /** Added to a small environment that inherits no setting of phlox or of AWS. */
  env?: Readonly<Record<string, string>>;
  /** 0, the default: any free port. */
  port?: number;
  /** How long the server may take until it listens; default 20 s. */
  startMsMax?: number;
  /** Gets the process as soon as there is one: to kill it before it listens. */
  onSpawn?: (child: ChildProcess) => void;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** What it has written so far; the last MiB. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when the process has ended, however it did. */
  readonly exited: Promise<Exit>;
  /**
   * Sends the signal (default SIGTERM) and waits for the end; rejects, having killed the process,
   * when that takes over 30 s. Does nothing to a process that has ended.
   */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));
const outputCharsMax = 1024 * 1024;
const stopMsMax = 30_000;
const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves once the server listens; rejects with its output when it ends or stays silent. */
export async function startServer(runtime: ServerRuntime, options: ServerOptions): Promise<Server> {
  const { command, args, env } = startCommand(runtime);
  const child = spawn(command, args, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PHLOX_LISTEN: `127.0.0.1:${options.port ?? 0}`,
      PHLOX_DATA_DIR: options.dataDir,
      // A test must not depend on how full the machine's disk is.
      PHLOX_RETENTION_DISK_FREE_BYTES: '0',
      PHLOX_LIMITS: openLimitsPath,
      ...env,
      ...options.env,
    },
  });
  running.add(child);
  options.onSpawn?.(child);
  const output = { stdout: '', stderr: '' };
  const exited = new Promise<Exit>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
    child.on('error', (error) => {
      output.stderr += `${error.message}\n`;
      resolve({ code: null, signal: null });
    });
  }).finally(() => running.delete(child));
  const stop = (signal?: NodeJS.Signals) => stopChild(child, exited, signal);
  try {
    const url = await listening(child, output, exited, options.startMsMax ?? 20_000);
    return {
      url,
      pid: child.pid ?? -1,
      process: child,
      get stdout() {
        return output.stdout;
      },
      get stderr() {
        return output.stderr;
      },
      exited,
      stop,
      [Symbol.asyncDispose]: async () => void (await stop()),
    };
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
}

/** The start command of package.json or deno.json, so that tests run what operators run. */
function startCommand(runtime: ServerRuntime) {
  const file = runtime === 'bun' ? 'package.json' : 'deno.json';
  const json = JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
  const script: unknown = (runtime === 'bun' ? json.scripts : json.tasks)?.start;
  const words = typeof script === 'string' ? script.split(/\s+/) : [];
  const env: Record<string, string> = {};
  for (let word = words[0]; word?.includes('=') || word === 'exec'; word = words[0]) {
    const [name, value] = word.split('=');
    if (name !== undefined && value !== undefined) env[name] = value;
    words.shift();
  }
  const [command, ...args] = words;
  if (!command?.endsWith(runtime)) throw new Error(`${file} does not start ${runtime}: ${script}`);
  return { command: `${repository}/node_modules/.bin/${runtime}`, args, env };
}

/** Resolves to the address that the log line `listening` tells. */
function listening(
  child: ChildProcess,
  output: { stdout: string; stderr: string },
  exited: Promise<Exit>,
  startMsMax: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new Error(`${reason}\n${output.stdout}${output.stderr}`));
    const timer = setTimeout(
      () => fail(`the server does not listen after ${startMsMax} ms`),
      startMsMax,
    );
    void exited.then(({ code, signal }) => {
      clearTimeout(timer);
      fail(`the server ended with ${signal ?? code} before it listened`);
    });
    for (const name of ['stdout', 'stderr'] as const) {
      let rest = '';
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        output[name] = (output[name] + chunk).slice(-outputCharsMax);
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        const address = lines.map(addressOf).find((one) => one !== undefined);
        if (address === undefined) return;
        clearTimeout(timer);
        resolve(address);
      });
    }
  });
}

function addressOf(line: string): string | undefined {
  if (!line.startsWith('{') || !line.includes('"listening"')) return undefined;
  const { msg, address } = JSON.parse(line);
  if (msg !== 'listening' || typeof address !== 'string') return undefined;
  return address.includes('://') ? address : `http://${address}`;
}

async function stopChild(
  child: ChildProcess,
  exited: Promise<Exit>,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<Exit> {
  if (!running.has(child)) return exited;
  child.kill(signal);
  let isKilled = false;
  const timer = setTimeout(() => {
    isKilled = true;
    child.kill('SIGKILL');
  }, stopMsMax);
  const exit = await exited;
  clearTimeout(timer);
  if (isKilled) throw new Error(`the server took over ${stopMsMax} ms to end on ${signal}`);
  return exit;
}
