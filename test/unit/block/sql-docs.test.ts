// The SQL page, run: its views against a plain walk over the model, and each of its questions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpuType, type ModelBlock, modelBlock, stackTotalsOf } from '../../support/block-model.ts';
import { fencedBlocks } from '../../support/commands.ts';
import { type Duckdb, openDuckdb, temporaryFolder, writeFolder } from '../../support/duckdb.ts';
import { tablesOf } from '../../support/tables.ts';

const models: ModelBlock[] = [31, 32].map((seed) => modelBlock(seed, { stacks: 40 }));
const sql = await fencedBlocks('docs/sql.md', 'sql');
const isSetUp = (block: string) => /^(SET|--)/.test(block);
const questions = sql.filter((block) => !isSetUp(block));

let duckdb: Duckdb;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  duckdb = await openDuckdb();
  folder = await temporaryFolder();
  const local = `${folder.path}/data/tenants/anonymous/local`;
  for (const [i, model] of models.entries()) {
    await writeFolder(`${local}/01HZZZZZZZZZZZZZZZZZZZZZZ${i}`, tablesOf(model));
  }
  for (const block of sql.filter(isSetUp)) {
    await duckdb.rows(block.replaceAll("'data/", `'${folder.path}/data/`));
  }
});
afterAll(async () => {
  duckdb.close();
  await folder[Symbol.asyncDispose]();
});

interface Sums {
  self: bigint;
  total: bigint;
}

/** Adds each stack of the model to the keys it counts for. */
function sumsBy(keysOf: (frames: string[]) => { key: unknown; isLeaf: boolean }[]) {
  const sums = new Map<string, Sums>();
  for (const [stackKey, value] of stackTotalsOf(models)) {
    const [type, service, frames] = JSON.parse(stackKey) as [string, string, string[]];
    for (const { key, isLeaf } of keysOf(frames)) {
      const name = JSON.stringify([type, service, key]);
      const { self, total } = sums.get(name) ?? { self: 0n, total: 0n };
      sums.set(name, { self: isLeaf ? self + value : self, total: total + value });
    }
  }
  return sums;
}

const sorted = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the view', () => {
  it('top_functions credits self to the leaf and total once a stack', async () => {
    const rows = await duckdb.rows('FROM top_functions');
    const found = new Map(
      rows.map(({ profile_type, service_name, function_name, self, total }) => [
        JSON.stringify([profile_type, service_name, function_name]),
        { self, total },
      ]),
    );
    const expected = sumsBy((frames) =>
      [...new Set(frames)].map((key) => ({ key, isLeaf: frames.at(-1) === key })),
    );
    expect(sorted(found)).toEqual(sorted(expected));
  });

  it('flame has every node with its own and its whole sum', async () => {
    const rows = await duckdb.rows(
      'SELECT * REPLACE (to_json(stack)::VARCHAR AS stack) FROM flame',
    );
    const found = new Map(
      rows.map(({ profile_type, service_name, stack, self, total }) => [
        JSON.stringify([profile_type, service_name, JSON.parse(stack as string)]),
        { self, total },
      ]),
    );
    const expected = sumsBy((frames) =>
      Array.from({ length: frames.length + 1 }, (_, depth) => ({
        key: frames.slice(0, depth),
        isLeaf: depth === frames.length,
      })),
    );
    expect(sorted(found)).toEqual(sorted(expected));
    const depths = rows.filter(
      ({ depth, stack }) => Number(depth) !== (JSON.parse(stack as string) as string[]).length,
    );
    expect(depths).toEqual([]);
  });

  it('series counts profiles and tells their first and last time', async () => {
    const rows = await duckdb.rows(`
      SELECT profile_type, service_name, sum(profiles) AS profiles, sum(total) AS total,
        epoch_ns(min(first_time)) AS first, epoch_ns(max(last_time)) AS last
      FROM series GROUP BY ALL ORDER BY ALL`);
    const plain = await duckdb.rows(`FROM profile_totals(getvariable('blocks'))`);
    expect(plain.length).toBeGreaterThan(0);
    expect(rows.map((row) => Object.values(row).map(String))).toEqual(
      plain.map((row) => Object.values(row).map(String)),
    );
    expect(await duckdb.rows('SELECT labels FROM series LIMIT 1')).toHaveLength(1);
  });
});

/** The outermost function of one of the model's CPU stacks. */
function cpuRoot(): string {
  const keys = [...stackTotalsOf(models).keys()].filter((key) => key.includes(cpuType));
  const roots = keys.map((key) => (JSON.parse(key) as [string, string, string[]])[2][0]);
  return roots.find((name) => name !== undefined && name !== '' && !name.includes("'")) as string;
}

describe('the question', () => {
  it('count is that of the page', () => {
    expect(questions).toHaveLength(6);
  });

  it.each(questions.map((text) => [text.split('\n')[0], text]))('%s', async (_line, text) => {
    // The model's functions have names of their own.
    const rows = await duckdb.rows((text as string).replaceAll("'main'", `'${cpuRoot()}'`));
    expect(rows.length).toBeGreaterThan(0);
  });

  it('of folded stacks sums to all CPU time', async () => {
    const text = questions.find((block) => block.includes('AS folded')) as string;
    const rows = await duckdb.rows(text);
    const sum = rows.reduce(
      (all, { folded }) => all + BigInt(String(folded).split(' ').at(-1)!),
      0n,
    );
    const all = [...stackTotalsOf(models)].filter(([key]) => key.includes(cpuType));
    expect(sum).toBe(all.reduce((total, [, value]) => total + value, 0n));
  });
});
