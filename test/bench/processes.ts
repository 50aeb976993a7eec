// The processes that the benches start: servers on the runtime that runs the bench, clients on Bun.
// Owns them: none outlives the bench. They talk in lines of JSON.
import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Helper {
  child: ChildProcess;
  /** The next line of its standard output, parsed. */
  next(): Promise<unknown>;
  /** Sends a line and answers the next one that comes. */
  ask(question: unknown): Promise<unknown>;
}

const helpers = new Set<ChildProcess>();
process.on('exit', stopHelpers);

/** Node serves nothing. */
export function servesHere(): boolean {
  return 'Bun' in globalThis || 'Deno' in globalThis;
}

/** The runtime of the servers. */
export function serverRuntime(): 'bun' | 'deno' {
  return 'Deno' in globalThis ? 'deno' : 'bun';
}

/** Starts a file of this folder: servers on the runtime that runs the bench, the client on Bun. */
export function startHelper(file: 'push-server.ts' | 'push-client.ts', ...args: string[]): Helper {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const runtime = file === 'push-server.ts' ? serverRuntime() : 'bun';
  const command = fileURLToPath(new URL(`../../node_modules/.bin/${runtime}`, import.meta.url));
  const child = spawn(command, [...(runtime === 'deno' ? ['run', '-A'] : []), path, ...args], {
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
  const ask = (question: unknown) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return next();
  };
  return { child, next, ask };
}

/** Kills all that were started. */
export function stopHelpers(): void {
  for (const child of helpers) child.kill('SIGKILL');
}
