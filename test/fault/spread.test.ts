// Tenants that are spread over several objects, in worlds that seeds decide. `PHLOX_TEST_SEED` runs
// one world, `PHLOX_TEST_SEEDS` says how many.
import { expect, it } from 'vitest';
import { simulateSpread } from '../support/spread-simulation.ts';
import type { Sabotage } from '../support/spread-world.ts';

const first = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
const isOne = process.env['PHLOX_TEST_SEED'] !== undefined;
/** One takes as long as forty worlds of the other simulation. */
const count = isOne ? 1 : Math.ceil(Number(process.env['PHLOX_TEST_SEEDS'] ?? 200) / 40);

/** A planted bug is found in every sixth world or so. */
const canaryFirst = 100;
const canaryMax = 60;

it(
  `counts every profile once over ${count} worlds (PHLOX_TEST_SEED=${first} and on)`,
  async () => {
    const totals = { acknowledged: 0, queries: 0, failedQueries: 0, changes: 0, ends: 0 };
    for (let seed = first; seed < first + count; seed++) {
      const outcome = await simulateSpread(seed);
      const { problems, trace } = outcome;
      expect({ seed, problems, trace: problems.length > 0 ? trace : [] }).toEqual({
        seed,
        problems: [],
        trace: [],
      });
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) {
        totals[name] += outcome[name];
      }
    }
    console.info(JSON.stringify({ first, count, ...totals }));
    expect(totals.queries).toBeGreaterThan(totals.failedQueries);
  },
  Math.max(600_000, count * 10_000),
);

it('does the same again for the same seed', async () => {
  const { digest, trace } = await simulateSpread(7);
  expect(await simulateSpread(7)).toMatchObject({ digest, trace });
});

/** Bugs in what objects say to each other. */
const bugs: Record<string, Sabotage> = {
  'no shard knows what it has stored': async ({ name, body }, answer) => {
    const { keys = [] } = (body ?? {}) as { keys?: readonly Uint8Array[] };
    return name === 'knows' ? { answer: keys.map(() => false) } : answer();
  },
  'a shard does not tell of its blocks': async (message, answer) => {
    return changed(message, answer, { stamp: 'same' });
  },
  'a shard says that it holds nothing': async (message, answer) => {
    return changed(message, answer, { isDrained: true });
  },
};

async function changed(
  { name }: Parameters<Sabotage>[0],
  answer: Parameters<Sabotage>[1],
  facts: object,
): ReturnType<Sabotage> {
  const reply = await answer();
  if (name !== 'view' || !('answer' in reply)) return reply;
  return { answer: { ...(reply.answer as object), ...facts } as never };
}

it.each(Object.keys(bugs))('finds it when %s', async (name) => {
  for (let seed = canaryFirst; seed < canaryFirst + canaryMax; seed++) {
    const { problems } = await simulateSpread(seed, bugs[name]);
    // Not any failure that the sabotage itself is.
    if (problems.some((problem) => / counts \d+ times/.test(problem))) return;
  }
  throw new Error(`not found in ${canaryMax} worlds`);
});
