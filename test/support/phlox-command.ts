// Runs `phlox …` from its sources on a runtime, as an operator types it.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerRuntime } from './servers.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Resolves to how it ended; `env` is all the environment it gets. */
export function phlox(
  runtime: ServerRuntime,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = repository,
): Promise<Ended> {
  const command = join(repository, 'node_modules/.bin', runtime);
  const main = join(repository, 'src/cli/main.ts');
  const all = [...(runtime === 'deno' ? ['run', '-A'] : []), main, ...args];
  const options = {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve, reject) => {
    execFile(command, all, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}
