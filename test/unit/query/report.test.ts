// Reports: what they say, what they compare, and the budget they keep to.
import { describe, expect, test } from 'vitest';
import type { ReportRequest } from '../../../src/query/contract.ts';
import { createEngine, pushStacks, requestOf } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

function engineOf(stacks: Record<string, number | bigint>) {
  const model = new QueryModel();
  pushStacks(model, { stacks });
  return createEngine(model);
}

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
      Array.from({ length: 120 }, (_, i) => [
        `main;${`package${i % 17}/`.repeat(i % 9)}f${i}|\`x\`@a/very/long/file${i}.go:${i}`,
        1 + i,
      ]),
    );
    const { queries, context } = engineOf(stacks);
    const selector = `{service_name="shop", x!="${'y'.repeat(900)}"}`;
    for (const budget of [400, 401, 1_000, 2_500, 100_000]) {
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

  test('counts recursion once in totals', async () => {
    const { queries, context } = engineOf({ 'main;f;main;f': 3, g: 1 });
    const text = await queries.report(context, report());
    expect(text).toContain('| 75.0 % | 3 ns | 0.0 % | `main` |');
    expect(text).toContain('| 75.0 % | 3 ns | 75.0 % | `f` |');
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
