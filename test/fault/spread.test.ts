// Tenants that are spread over several objects, in worlds that seeds decide. `PHLOX_TEST_SEED` runs
// one world, `PHLOX_TEST_SEEDS` says how many.
import { expect, it } from 'vitest';
import { simulateSpread } from '../support/spread-simulation.ts';

const first = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
const isOne = process.env['PHLOX_TEST_SEED'] !== undefined;
/** One takes as long as twenty-five worlds of the other simulation. */
const count = isOne ? 1 : Math.ceil(Number(process.env['PHLOX_TEST_SEEDS'] ?? 200) / 25);

it(`counts every profile once over ${count} worlds (PHLOX_TEST_SEED=${first} and on)`, async () => {
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
}, 600_000);
