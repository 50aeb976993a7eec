// Two worlds with the same history of tenant B, in one of which tenant A is busy as well: every
// answer to B is the same, byte for byte. The seed is in the name of the test.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { labelsQuestion } from '../support/query-oracle-labels.ts';
import type { Question } from '../support/query-oracle-question.ts';
import { seriesQuestion, stacksQuestion } from '../support/query-oracle-questions.ts';
import { OracleWorld } from '../support/query-oracle-world.ts';
import {
  type DrawOptions,
  randomPush,
  randomSelect,
  randomSeriesSelect,
} from '../support/random-query.ts';

const steps = 120;
const minuteMs = 60_000;
const windowMs = 4 * 60 * minuteMs;

const optionsOf = (tenant: string): DrawOptions => ({
  tenants: [tenant],
  fromMs: testStartMs,
  toMs: testStartMs + windowMs,
  stepMs: 10 * minuteMs,
});

function draw(random: Random, tenant: string, ids: readonly string[]): Question {
  const options = optionsOf(tenant);
  const kind = random.below(4);
  if (kind === 0) {
    const range = { startMs: options.fromMs, endMs: options.toMs };
    return labelsQuestion(random, options, range);
  }
  if (kind === 1) return seriesQuestion(random, randomSeriesSelect(random, options));
  const [one, other] = [0, 1].map(() => randomSelect(random, options, ids));
  if (one === undefined || other === undefined) throw new Error('two are drawn');
  return stacksQuestion(random, one, other);
}

const idsOf = (world: OracleWorld, tenant: string) =>
  world.model.rows.filter((row) => row.tenant === tenant).map(({ profileId }) => profileId);

/** Asks, and answers the bytes of every response. */
async function bytesOf(world: OracleWorld, question: Question): Promise<string[]> {
  const seen: string[] = [];
  await question.ask({
    fetch: async (request) => {
      const response = await world.fetch(request);
      const body = Buffer.from(await response.clone().arrayBuffer());
      const type = response.headers.get('content-type');
      seen.push(`${response.status} ${type} ${body.toString('base64')}`);
      return response;
    },
  });
  return seen;
}

/** Pushes or asks as the tenant. */
async function act(world: OracleWorld, random: Random, tenant: string): Promise<string[]> {
  if (random.below(2) === 0) {
    await world.push(await world.dated(randomPush(random, optionsOf(tenant))), false);
    return [];
  }
  const question = draw(random, tenant, idsOf(world, tenant));
  return [question.text, ...(await bytesOf(world, question))];
}

/** What B was asked and answered; `guest` draws what A does, when there is an A. */
async function historyOf(seed: number, guest: Random | undefined): Promise<string[]> {
  const random = createRandom(seed);
  // Heads that are flushed by their age are so at random moments.
  const settings = { headAgeMax: '24h' };
  const noise = guest === undefined ? seed : seed + 1_000;
  const world = new OracleWorld({ seed: noise, remote: new MemoryBucket(), settings });
  await world.start();
  const answers: string[] = [];
  for (let step = 0; step < steps; step++) {
    for (let left = guest?.below(3) ?? 0; left > 0 && guest !== undefined; left--) {
      await act(world, guest, 'a');
    }
    // Blocks of one millisecond have no order.
    world.advance(1);
    const kind = random.below(20);
    if (kind === 0) await world.flush();
    if (kind === 1) await world.restart();
    if (kind === 2) await world.crash();
    if (kind === 3 || kind === 4) {
      world.advance(random.below(16 * minuteMs));
      await world.tick();
    }
    answers.push(...(await act(world, random, 'b')));
  }
  await world.stop();
  return answers;
}

describe.each([1, 2, 3, 4])('tenant B, seed %d', (seed) => {
  it('is answered the same bytes whether or not there is a tenant A', async () => {
    const alone = await historyOf(seed, undefined);
    const besides = await historyOf(seed, createRandom(seed + 7));
    expect(alone.length).toBeGreaterThan(steps / 2);
    for (const [i, answer] of alone.entries()) expect(besides[i]).toBe(answer);
    expect(besides.length).toBe(alone.length);
  }, 120_000);
});
