// Folded stacks, call graphs and reports: what the text says and what it keeps to.
import { describe, expect, test } from 'vitest';
import type { ReportRequest } from '../../../src/query/contract.ts';
import { createEngine, pushStacks, requestOf } from '../../support/query-engine.ts';
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
  test('has functions with self and total, calls with weights, and counts recursion once', async () => {
    const { queries, context } = engineOf({ 'a;b;a': 2, 'a;b': 1, 'c"\\': 1 });
    expect(await queries.dot(context, requestOf())).toMatchInlineSnapshot(`
      "digraph {
        node [shape=box, fontname="sans-serif"];
        legend [shape=plaintext, label="process_cpu:cpu:nanoseconds:cpu:nanoseconds\\ntotal 4 nanoseconds, 3 functions, 0 hidden"];
        N1 [label="a\\nself 2 (50.0 %)\\ntotal 3 (75.0 %)", tooltip="a"];
        N2 [label="b\\nself 1 (25.0 %)\\ntotal 3 (75.0 %)", tooltip="b"];
        N3 [label="c\\"\\\\\\nself 1 (25.0 %)\\ntotal 1 (25.0 %)", tooltip="c\\"\\\\"];
        N1 -> N2 [label="3 (75.0 %)"];
        N2 -> N1 [label="2 (50.0 %)"];
      }
      "
    `);
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

describe('a report', () => {
  const report = (changes: Partial<ReportRequest> = {}): ReportRequest => ({
    ...requestOf(),
    budget: 4_000,
    ...changes,
  });

  test('names functions, places and paths, most first', async () => {
    const { queries, context } = engineOf({
      'main@main.go:5;work@work.go:12;leaf@work.go:41': 6_000_000_000n,
      'main@main.go:5;leaf@work.go:41': 1_500_000_000n,
      'main@main.go:5': 2_500_000_000n,
    });
    expect(await queries.report(context, report())).toMatchInlineSnapshot(`
      "# Hot spots: process_cpu:cpu:nanoseconds:cpu:nanoseconds

      - selector: \`{}\`
      - time: 2023-11-14T21:13:20.000Z to 2023-11-14T22:13:20.000Z
      - total: 10.00 s, 3 functions, 3 stacks

      Self: in the function itself. Total: with all it calls, recursion once.

      ## Top by self

      | self | | total | function | where |
      |--:|--:|--:|---|---|
      | 75.0 % | 7.50 s | 75.0 % | \`leaf\` | work.go:41 |
      | 25.0 % | 2.50 s | 100.0 % | \`main\` | main.go:5 |

      ## Top by total

      | total | | self | function | where |
      |--:|--:|--:|---|---|
      | 100.0 % | 10.00 s | 25.0 % | \`main\` | main.go:5 |
      | 75.0 % | 7.50 s | 75.0 % | \`leaf\` | work.go:41 |
      | 60.0 % | 6.00 s | 0.0 % | \`work\` | work.go:12 |

      ## Hottest paths

      1. 60.0 %, 6.00 s: \`main → work → leaf\` at work.go:41
      2. 25.0 %, 2.50 s: \`main\` at main.go:5
      3. 15.0 %, 1.50 s: \`main → leaf\` at work.go:41
      "
    `);
  });

  test('says against a baseline what grew and what shrank, by share', async () => {
    const model = new QueryModel();
    pushStacks(model, { labels: { v: '1' }, stacks: { 'main;a': 50, 'main;b': 50 } });
    pushStacks(model, { labels: { v: '2' }, stacks: { 'main;a': 150, 'main;c': 50 } });
    const { queries, context } = createEngine(model);
    const text = await queries.report(
      context,
      report({ selector: '{v="2"}', baseline: requestOf({ selector: '{v="1"}' }) }),
    );
    const grew = text.slice(text.indexOf('## Grew'), text.indexOf('## Shrank'));
    const shrank = text.slice(text.indexOf('## Shrank'), text.indexOf('## Top by self'));
    expect(grew.split('\n').filter((line) => line.includes('`'))).toEqual([
      '| +25.0 points | 50.0 %, 50 ns | 75.0 %, 150 ns | `a` |  |',
      '| +25.0 points | 0.0 %, 0 ns | 25.0 %, 50 ns | `c` |  |',
    ]);
    expect(shrank.split('\n').filter((line) => line.includes('`'))).toEqual([
      '| -50.0 points | 50.0 %, 50 ns | 0.0 %, 0 ns | `b` |  |',
    ]);
  });

  test('never passes its budget, says what it left out, and is the same each time', async () => {
    const stacks = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [
        `main;${`package${i % 17}/`.repeat(i % 9)}f${i}|\`x\`@a/very/long/file${i}.go:${i}`,
        1 + i,
      ]),
    );
    const { queries, context } = engineOf(stacks);
    const selector = `{service_name="shop", x!="${'y'.repeat(900)}"}`;
    for (const budget of [400, 401, 700, 1_000, 2_500, 10_000, 100_000]) {
      for (const changes of [{}, { selector }, { baseline: requestOf() }]) {
        const text = await queries.report(context, report({ ...changes, budget }));
        expect(text.length).toBeLessThanOrEqual(budget);
        expect(text).toContain('# Hot spots: process_cpu');
        if (budget < 10_000) expect(text).toMatch(/\nLeft out for the budget: .*\d+ paths\.\n$/);
        expect(await queries.report(context, report({ ...changes, budget }))).toBe(text);
      }
    }
  });

  test('uses most of its budget when there is enough to say', async () => {
    const stacks = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`m;f${i}`, 1 + i]));
    const { queries, context } = engineOf(stacks);
    expect((await queries.report(context, report({ budget: 5_000 }))).length).toBeGreaterThan(
      4_500,
    );
  });

  test('of no data says so', async () => {
    const { queries, context } = engineOf({});
    expect(await queries.report(context, report())).toContain('No data.');
  });

  test.each([399, 1_000_001, 500.5])('refuses a budget of %s', async (budget) => {
    const { queries, context } = engineOf({ a: 1 });
    await expect(queries.report(context, report({ budget }))).rejects.toMatchObject({
      kind: 'invalid',
      message: `budget is ${budget} characters, want 400 to 1000000`,
    });
  });

  test('refuses a baseline of another profile type', async () => {
    const { queries, context } = engineOf({ a: 1 });
    const baseline = requestOf({ profileType: 'a:b:c:d:e' });
    await expect(queries.report(context, report({ baseline }))).rejects.toMatchObject({
      kind: 'invalid',
    });
  });
});
