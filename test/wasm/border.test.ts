// The border's two sides: constants that both write down must be the same, and the module must be
// what the host expects.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  columnCount,
  factsLayout,
  markLayout,
  planLayout,
  statsLayout,
} from '../../src/kernel/layout.ts';
import { statuses, statusFailure } from '../../src/kernel/status.ts';
import { sumsLayout } from '../../src/kernel/sums-record.ts';
import { createKernel } from '../support/kernel.ts';
import { kernelModules } from '../support/kernel-modules.ts';

/** `export const NAME: type = value;` of an AssemblyScript file. */
function constantsOf(file: string): Map<string, number> {
  const source = readFileSync(new URL(`../../wasm/${file}`, import.meta.url), 'utf8');
  const found = source.matchAll(/^(?:export )?const (\w+): \w+ = (-?\d+);$/gm);
  return new Map([...found].map(([, name, value]) => [name as string, Number(value)]));
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase();
const prefixed = (prefix: string, layout: Record<string, number>) =>
  Object.entries(layout).map(([name, offset]) => [`${prefix}_${snake(name)}`, offset] as const);

test('offsets are those of wasm/layout.ts', () => {
  const constants = constantsOf('layout.ts');
  const expected = [
    ...prefixed('FACTS', factsLayout),
    ...prefixed('PLAN', planLayout),
    ...prefixed('MARK', markLayout),
    ...prefixed('STATS', statsLayout),
  ];
  expect(expected.length).toBeGreaterThan(25);
  for (const [name, offset] of expected) expect(constants.get(name), name).toBe(offset);
  const facts = [...constants.keys()].filter((name) => name.startsWith('FACTS_'));
  // FACTS_SIZE alone is not an offset.
  expect(facts.length).toBe(Object.keys(factsLayout).length + 1);
  expect(constantsOf('store.ts').get('COLUMN_COUNT')).toBe(columnCount);
});

test('offsets of sums are those of wasm/query/sums-state.ts', () => {
  const constants = constantsOf('query/sums-state.ts');
  const columns = Number(constants.get('COLUMNS'));
  const after = columns + 12 * Number(constants.get('COLUMN_COUNT'));
  const column = (name: string) => columns + 12 * Number(constants.get(name));
  expect(sumsLayout).toEqual({
    totals: column('TOTALS'),
    answer: constants.get('ANSWER'),
    answerSums: column('ANSWER_SUMS'),
    nameOffsets: column('NAMES'),
    nameBytes: column('NAMES') + 12,
    pprof: column('PPROF'),
    detail: after + Number(constants.get('DETAIL_AT')),
  });
});

test('statuses are those of wasm/status.ts, and each has a message of its own', () => {
  const constants = constantsOf('status.ts');
  const negative = [...constants].filter(([, value]) => value < 0);
  expect(Object.fromEntries(negative)).toEqual(statuses);
  const messages = Object.values(statuses).map((code) => statusFailure(code, 1n, 1n).message);
  expect(new Set(messages).size).toBe(messages.length);
});

test('an unknown status is a bug of ours', () => {
  expect(statusFailure(-200, 0n, 0n)).toMatchObject({ kind: 'internal' });
});

test('the head module imports its memory and nothing else', () => {
  expect(WebAssembly.Module.imports(kernelModules.head)).toEqual([
    { module: 'env', name: 'memory', kind: 'memory' },
  ]);
});

test('the query module imports the memory, and of the head module what it has', () => {
  const imports = WebAssembly.Module.imports(kernelModules.query);
  const exports = WebAssembly.Module.exports(kernelModules.head);
  expect(imports.filter(({ module }) => module === 'env')).toEqual([
    { module: 'env', name: 'memory', kind: 'memory' },
  ]);
  for (const { module, name, kind } of imports.filter((each) => each.module !== 'env')) {
    expect([module, exports]).toEqual(['head', expect.arrayContaining([{ name, kind }])]);
  }
});

test('an address past 2 GiB is not taken for a status', () => {
  const kernel = createKernel();
  expect(kernel.check(0x8000_0000 | 0)).toBe(2 ** 31);
  expect(() => kernel.check(-1)).toThrow('kernel memory is used up');
});
