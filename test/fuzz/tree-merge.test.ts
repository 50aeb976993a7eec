// Random parts, orders and questions to merged function trees against the plain model. `PHLOX_FUZZ`
// sets how much; `PHLOX_FUZZ_SEED` repeats a run.
import { expect, it } from 'vitest';
import { createRandom, type Random } from '../fixtures/random.ts';
import { createKernel } from '../support/kernel.ts';
import { answersOf, digestOf, mergeParts, modelAnswers } from '../wasm/tree-answers.ts';
import { randomPart } from '../wasm/tree-parts.ts';

const rounds = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2_000) / 20);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const valueBounds = [2n, 50n, 1n << 33n, 1n << 57n];

function randomParts(random: Random) {
  const valueMax = valueBounds[random.below(valueBounds.length)] ?? 2n;
  const names = 1 + random.below(40);
  return Array.from({ length: random.below(5) }, () => {
    // At most 63 values of 2^57 in 4 parts, whose sum is below 2^63.
    const nodes = 1 + random.below(valueMax > 1n << 40n ? 15 : 120);
    const part = randomPart(random, { nodes, names, valueMax, chain: random.below(100) });
    return { tree: random.below(2) === 0 ? (0 as const) : (1 as const), part };
  });
}

it(`agrees with the model in ${rounds} rounds, seed ${seed}`, () => {
  console.log(`PHLOX_FUZZ_SEED=${seed}`);
  for (let round = 0; round < rounds; round++) {
    const random = createRandom(seed + round);
    const parts = randomParts(random);
    const limits = [0, 1, 1 + random.below(30), 1 + random.below(200)];
    const expected = digestOf(modelAnswers(parts, limits));
    random.shuffle(parts);
    const kernel = createKernel(16 << 20, [random.below(2 ** 32), round]);
    const merge = mergeParts(parts, kernel);
    expect(digestOf(answersOf(merge, limits)), `seed ${seed + round}`).toBe(expected);
    merge.release();
  }
}, 120_000);
