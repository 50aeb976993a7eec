// The ban rule against uses it must report and look-alikes it must leave alone.
import { describe, expect, it } from 'vitest';
import { banProblems } from './ban-rules.ts';
import { treeOf } from './source.ts';

describe('the ban rule', () => {
  it.each([
    'process.exit()',
    'console.log(1)',
    'performance.now()',
    'setTimeout(work, 1)',
    'Bun.gc()',
    'const a = { process }',
    'setInterval(work, 1)',
    'Date.now()',
    "Date['now']()",
    'new Date()',
    'Math.random()',
    'const now = Date.now',
    'crypto.randomUUID()',
    'AbortSignal.timeout(5)',
    'fetch(url)',
    'globalThis.process',
    "new Function('a')",
    'Deno?.args',
    "import 'node:fs'",
    "import type { A } from 'node:net'",
    "import { DurableObject } from 'cloudflare:workers'",
    "import('bun:sqlite')",
    'const a = [setImmediate]',
    'class A { b = performance }',
  ])('reports `%s`', (code) => {
    expect(banProblems(treeOf({ 'src/head/a.ts': code }))).toHaveLength(1);
  });

  it.each([
    'new Date(ms)',
    'Math.max(1, 2)',
    'crypto.subtle.digest(a, b)',
    'app.fetch(request)',
    'type A = typeof setTimeout',
    'interface A { fetch(): void; process: number }',
    'const a = { process: 1, fetch() {} }',
    'function f(process: number) { return process; }',
    'const { fetch } = app; fetch(1)',
    "import { performance } from './clock.ts'; performance()",
    'class A { fetch() {} }',
    'const a = "Date.now()"',
    '// Date.now()',
    'const f = ({ now: setTimeout }) => setTimeout(1)',
  ])('accepts `%s`', (code) => {
    expect(banProblems(treeOf({ 'src/head/a.ts': code }))).toEqual([]);
  });

  it.each([
    'src/runtime/bun.ts',
    'src/cli/main.ts',
    'src/bucket/s3-client.ts',
    'src/wal/segments.ts',
  ])('leaves %s to its runtime', (path) => {
    expect(banProblems(treeOf({ [path]: "import 'node:fs'; Date.now(); Bun.gc();" }))).toEqual([]);
  });
});
