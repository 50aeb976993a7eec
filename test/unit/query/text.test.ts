// Folded stacks and call graphs: what the text says and what it keeps to.
import { describe, expect, test } from 'vitest';
import { cpuType, createEngine, pushStacks, requestOf } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

function engineOf(stacks: Record<string, number | bigint>) {
  const model = new QueryModel();
  pushStacks(model, { stacks });
  return createEngine(model);
}

describe('folded stacks', () => {
  test('have the largest value first, equal ones by bytes', async () => {
    const { queries, context } = engineOf({ 'a;b': 1, a: 3, 'a;b;c': 2, 'a;B': 1 });
    expect(await queries.folded(context, requestOf())).toBe('a 3\na;b;c 2\na;B 1\na;b 1\n');
  });

  test('spell separators, line breaks, nameless frames and the empty stack', async () => {
    const model = new QueryModel();
    pushStacks(model, { stacks: { '': 9, 'x\ny': 2, ';z': 1 } });
    for (const row of model.rows) {
      for (const { frames } of row.samples) {
        for (const frame of frames) if (frame.name === 'z') frame.name = 'Lcom/Foo;.bar';
      }
    }
    const { queries, context } = createEngine(model);
    expect(await queries.folded(context, requestOf())).toBe(
      '(no stack) 9\nx y 2\n(unnamed);Lcom/Foo:.bar 1\n',
    );
  });

  test('are cut to the nodes asked for, and empty without data', async () => {
    const { queries, context } = engineOf({ 'a;b': 5, 'a;c': 1, 'a;d': 1 });
    expect(await queries.folded(context, requestOf({ maxNodes: 2 }))).toBe('a;b 5\na;other 2\n');
    const nobody = requestOf({ selector: '{service_name="nobody"}' });
    expect(await queries.folded(context, nobody)).toBe('');
  });
});

describe('a call graph', () => {
  test('has functions with self and total, calls with weights; recursion counts once', async () => {
    const { queries, context } = engineOf({ 'a;b;a': 2, 'a;b': 1, 'c"\\': 1 });
    const dot = await queries.dot(context, requestOf());
    expect(dot.replace(cpuType, 'TYPE')).toMatchInlineSnapshot(`
      "digraph {
        node [shape=box, fontname="sans-serif"];
        legend [shape=plaintext, label="TYPE\\ntotal 4 nanoseconds, 3 functions, 0 hidden"];
        N1 [label="a\\nself 2 (50.0 %)\\ntotal 3 (75.0 %)", tooltip="a"];
        N2 [label="b\\nself 1 (25.0 %)\\ntotal 3 (75.0 %)", tooltip="b"];
        N3 [label="c\\"\\\\\\nself 1 (25.0 %)\\ntotal 1 (25.0 %)", tooltip="c\\"\\\\"];
        N1 -> N2 [label="3 (75.0 %)"];
        N2 -> N1 [label="2 (50.0 %)"];
      }
      "
    `);
  });

  test('counts a call once a stack, however often the stack makes it', async () => {
    const { queries, context } = engineOf({ 'a;b;a;b': 2, c: 2 });
    const dot = await queries.dot(context, requestOf());
    expect(dot.match(/N\d -> N\d \[label="[^"]*"/g)).toEqual([
      'N1 -> N2 [label="2 (50.0 %)"',
      'N2 -> N1 [label="2 (50.0 %)"',
    ]);
  });

  test('shows the largest functions, and calls over hidden ones as dashed', async () => {
    const { queries, context } = engineOf({ 'a;b;c': 9, 'a;d': 8, b: 1, 'c;a': 5 });
    const dot = await queries.dot(context, requestOf({ maxNodes: 2 }));
    expect(dot).toContain('2 functions, 2 hidden');
    expect(dot).toContain('N1 -> N2 [label="9 (39.1 %)", style=dashed];');
    expect(dot).toContain('N2 -> N1 [label="5 (21.7 %)"];');
    expect(dot).not.toContain('N3');
  });

  test('is empty without data, and has 100 functions by default', async () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`f${i}`, 1000 - i]));
    const { queries, context } = engineOf(many);
    const dot = await queries.dot(context, requestOf());
    expect(dot.match(/tooltip/g)).toHaveLength(100);
    expect(await queries.dot(context, requestOf({ selector: '{a="b"}' }))).toBe('');
  });
});
