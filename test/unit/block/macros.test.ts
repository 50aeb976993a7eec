// The SQL macros against a plain walk over the model: same stacks, same sums, several blocks in one
// statement, exact past 2^53 and past 2^63.
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  cpuType,
  framesOf,
  type ModelBlock,
  modelBlock,
  spaceType,
  stackTotalsOf,
} from '../../support/block-model.ts';
import { type Duckdb, openDuckdb, temporaryFolder, writeFolder } from '../../support/duckdb.ts';
import { tablesOf } from '../../support/tables.ts';

let duckdb: Duckdb;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  duckdb = await openDuckdb();
  folder = await temporaryFolder();
});
afterAll(async () => {
  duckdb.close();
  await folder[Symbol.asyncDispose]();
});

/** Writes the models as blocks of one tenant; answers the glob that names them. */
async function blocksOf(tenant: string, models: readonly ModelBlock[]): Promise<string> {
  for (const [i, model] of models.entries()) {
    const ulid = `01HZZZZZZZZZZZZZZZZZZZZZZ${i}`;
    await writeFolder(`${folder.path}/${tenant}/${ulid}`, tablesOf(model));
  }
  return `${folder.path}/${tenant}/*`;
}

async function stackTotals(blocks: string, type: string | undefined) {
  const typeSql = type === undefined ? 'NULL' : `'${type}'`;
  const rows = await duckdb.rows(`
    SELECT profile_type, service_name, to_json(stack)::VARCHAR AS stack, value
    FROM stack_totals('${blocks}', ${typeSql})`);
  return new Map(
    rows.map((row) => [
      JSON.stringify([row.profile_type, row.service_name, JSON.parse(row.stack as string)]),
      row.value,
    ]),
  );
}

const sorted = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

it('answers the stacks of one block as a plain walk does', async () => {
  const model = modelBlock(1);
  const blocks = await blocksOf('one', [model]);
  const totals = await stackTotals(blocks, undefined);
  expect(sorted(totals)).toEqual(sorted(stackTotalsOf([model])));
  // The model has what is easy to get wrong: no frames, bare locations, inlined calls.
  const stacks = model.samples.map(({ stack }) => framesOf(model, stack));
  expect(stacks).toContainEqual([]);
  expect(stacks.some((frames) => frames.includes(''))).toBe(true);
});

it('sums three blocks whose ids differ in one statement', async () => {
  const models = [2, 3, 4].map((seed) => modelBlock(seed, { stacks: 10 + seed * 30 }));
  const blocks = await blocksOf('three', models);
  expect(sorted(await stackTotals(blocks, undefined))).toEqual(sorted(stackTotalsOf(models)));
  const cpu = sorted(stackTotalsOf(models)).filter(([key]) => key.includes(cpuType));
  expect(sorted(await stackTotals(blocks, cpuType))).toEqual(cpu);
});

it('keeps sums exact past 2^53 and, over blocks, past 2^63', async () => {
  const models = [5, 6, 7].map((seed) => oneSample(seed, 2n ** 63n - 1n));
  const blocks = await blocksOf('large', models);
  const totals = await stackTotals(blocks, spaceType);
  expect([...totals.values()]).toEqual([(2n ** 63n - 1n) * 3n]);
  const [profiles] = await duckdb.rows(`FROM profile_totals('${blocks}')`);
  expect(profiles?.total).toBe((2n ** 63n - 1n) * 3n);
});

it('finds the blocks when the glob ends in a slash, and one block by its own path', async () => {
  const models = [8, 9].map((seed) => modelBlock(seed));
  const blocks = await blocksOf('paths', models);
  expect(sorted(await stackTotals(`${blocks}/`, undefined))).toEqual(sorted(stackTotalsOf(models)));
  const second = blocks.replace('*', '01HZZZZZZZZZZZZZZZZZZZZZZ1');
  expect(sorted(await stackTotals(second, undefined))).toEqual(sorted(stackTotalsOf([models[1]!])));
});

it('counts profiles and sums their totals by type and service', async () => {
  const models = [10, 11].map((seed) => modelBlock(seed));
  const rows = await duckdb.rows(`FROM profile_totals('${await blocksOf('profiles', models)}')`);
  const expected = [...new Set(models[0]!.series.map((one) => one.profileType))]
    .sort((a, b) => (a < b ? -1 : 1))
    .flatMap((type) => ['service-0', 'service-1'].map((service) => [type, service] as const))
    .map(([type, service]) => profileTotal(models, type, service));
  expect(rows).toEqual(expected);
});

it('credits self to the leaf and total once a stack', async () => {
  const models = [12, 13].map((seed) => modelBlock(seed, { stacks: 60, samplesPerProfile: 40 }));
  const rows = await duckdb.rows(
    `FROM top_functions('${await blocksOf('top', models)}', '${cpuType}')`,
  );
  const expected = new Map<string, { self: bigint; total: bigint }>();
  for (const [key, value] of stackTotalsOf(models)) {
    const [type, , frames] = JSON.parse(key) as [string, string, string[]];
    if (type !== cpuType) continue;
    for (const name of new Set(frames)) {
      const { self, total } = expected.get(name) ?? { self: 0n, total: 0n };
      const own = frames.at(-1) === name ? value : 0n;
      expected.set(name, { self: self + own, total: total + value });
    }
  }
  const found = new Map(rows.map((row) => [row.function_name as string, row]));
  expect(found.size).toBe(expected.size);
  for (const [name, sums] of expected) expect(found.get(name)).toMatchObject(sums);
  const selves = rows.map((row) => row.self as bigint);
  expect(selves).toEqual([...selves].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0)));
});

function profileTotal(models: readonly ModelBlock[], type: string, service: string) {
  const rows = models.flatMap((model) =>
    model.profiles.flatMap((profile, id) => {
      const { profileType, serviceName } = model.series[profile.series]!;
      if (profileType !== type || serviceName !== service) return [];
      const values = model.samples.filter((sample) => sample.profile === id);
      return [{ timeNs: profile.timeNs, total: values.reduce((sum, one) => sum + one.value, 0n) }];
    }),
  );
  const times = rows.map((row) => row.timeNs).sort((a, b) => (a < b ? -1 : 1));
  return {
    profile_type: type,
    service_name: service,
    profiles: BigInt(rows.length),
    total: rows.reduce((sum, row) => sum + row.total, 0n),
    first_time_ns: times[0],
    last_time_ns: times.at(-1),
  };
}

/** One sample with this value, under ids that depend on the seed but a stack that does not. */
function oneSample(seed: number, value: bigint): ModelBlock {
  const base = modelBlock(seed, { services: 1, profilesPerSeries: 1, samplesPerProfile: 1 });
  const fn = seed % base.functions.length;
  base.functions[fn]!.name = 'main';
  base.locations[seed]!.lines = [{ fn, line: 1n }];
  base.stacks[seed] = { parent: undefined, location: seed };
  return {
    ...base,
    series: base.series.slice(0, 1),
    profiles: base.profiles.slice(0, 1),
    samples: [{ profile: 0, stack: seed, value, spanId: undefined, traceId: undefined }],
  };
}
