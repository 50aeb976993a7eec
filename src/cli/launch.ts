#!/usr/bin/env node
// The `phlox` command as npm installs it. Owns one decision: on Bun and Deno the command runs
// here; plain Node has no such server, so the `bun` that the package brings along runs this same
// file again, with the same arguments, streams, signals and exit code.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Soon enough for a person who waits, rare enough to cost nothing. */
const orphanCheckMs = 250;

/**
 * Memories of WebAssembly that Bun's engine makes without collecting all garbage first, each time
 * for 20 ms: every tenant's head has one. They take address space only. The start script of
 * package.json sets the same.
 * https://github.com/WebKit/WebKit/blob/main/Source/JavaScriptCore/runtime/OptionsList.h
 */
const fastMemories = { BUN_JSC_maxNumWasmFastMemories: '10000' };

/**
 * Bun's binary among the installed packages. The package of the machine's kind comes first: unlike
 * `bun` itself it has its binary even where install scripts are switched off.
 */
function findBun(): string | undefined {
  const require = createRequire(import.meta.url);
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const candidates: [name: string, file: string][] = [
    [`@oven/bun-${system}-${arch}${isMusl() ? '-musl' : ''}`, `bin/bun${suffix}`],
    // Its install script puts the binary here under this name on every system.
    ['bun', 'bin/bun.exe'],
  ];
  for (const [name, file] of candidates) {
    const folder = packageFolder(require, name);
    if (folder !== undefined && existsSync(join(folder, file))) return join(folder, file);
  }
  return undefined;
}

function packageFolder(require: NodeJS.Require, name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch (error) {
    // Not installed is an answer: the next candidate is asked.
    if (error instanceof Error && Reflect.get(error, 'code') === 'MODULE_NOT_FOUND')
      return undefined;
    throw error;
  }
}

/** True on Linux with musl, whose binaries glibc's cannot replace. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const report: unknown = process.report.getReport();
  const header: unknown = Reflect.get(Object(report), 'header');
  return Reflect.get(Object(header), 'glibcVersionRuntime') === undefined;
}

/** Hands signals to the child: whoever started us knows only our process id. */
function forwardSignals(child: ChildProcess): void {
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group: the child has had its own already.
      const isFromTerminal = signal === 'SIGINT' && process.stdin.isTTY === true;
      if (!isFromTerminal) child.kill(signal);
    });
  }
}

/**
 * npm hands a signal to the shell between us and dies with it, leaving us behind: the new parent is
 * then all that tells. Elsewhere a parent's end means nothing, as after `phlox &`.
 */
function watchNpm(child: ChildProcess): void {
  if (process.env['npm_command'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, orphanCheckMs);
  timer.unref();
}

/** Ends this process the way the child ended. */
function endLike(code: number | null, signal: NodeJS.Signals | null): void {
  if (signal === null) {
    process.exit(code ?? 1);
  }
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function runOnBun(): void {
  const binary = findBun();
  if (binary === undefined) {
    console.error('phlox needs Bun or Deno: the package bun is not installed beside it');
    process.exit(1);
  }
  const script = fileURLToPath(import.meta.url);
  const env = { ...fastMemories, ...process.env };
  const child = spawn(binary, [script, ...process.argv.slice(2)], { stdio: 'inherit', env });
  forwardSignals(child);
  watchNpm(child);
  child.on('error', (error) => {
    console.error(`phlox cannot start ${binary}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', endLike);
}

if ('Bun' in globalThis || 'Deno' in globalThis) {
  await import('./main.ts');
} else {
  runOnBun();
}
