// One run of the whole store in a world that one seed decides: clients that repeat themselves,
// tenants, flushes, shipping, retention, failing disks and networks, jumping clocks, crashes. Owns
// what happens when; `simulation-world.ts` owns what there is.

import { messageOf } from '../../src/errors.ts';
import { instantiateAtOnce } from './instantiate-at-once.ts';
import { memoryPlatform, type TestPlatform } from './memory-platform.ts';
import { beginFlush, healed, stepOf } from './simulation-steps.ts';
import { type SabotageOf, World } from './simulation-world.ts';

export interface Outcome {
  seed: number;
  /** What is wrong, one line each; empty when all is well. */
  problems: string[];
  /** The last things that happened. */
  trace: readonly string[];
  /** Equal for equal runs. */
  digest: number;
  events: number;
  lives: number;
  acknowledged: number;
}

let base: TestPlatform | undefined;
const rejections: string[] = [];
let isListening = false;
/** A flush of both tenants takes about as many. */
const badMomentEventsMax = 400;

/** Runs the world of `seed`. Runs must not overlap in a process. */
export async function simulate(seed: number, sabotageOf?: SabotageOf): Promise<Outcome> {
  base ??= await memoryPlatform();
  listen();
  const restore = instantiateAtOnce();
  rejections.length = 0;
  const world = new World(seed, base, sabotageOf);
  try {
    await run(world);
  } catch (error) {
    world.problem(messageOf(error));
  } finally {
    restore();
    world.scheduler.drop();
  }
  for (const text of rejections) world.problem(`nobody handles: ${text}`);
  const { problems, trace, scheduler, lives, ledger } = world;
  const { digest, events } = scheduler;
  const acknowledged = ledger.profiles.filter(({ isAcknowledged }) => isAcknowledged).length;
  return { seed, problems, trace, digest, events, lives, acknowledged };
}

async function run(world: World): Promise<void> {
  const { random } = world;
  const lifeCount = 2 + random.below(5);
  for (let life = 0; life < lifeCount && world.problems.length === 0; life++) {
    // Some hardly begin: what the last process left is met by another crash.
    await live(world, random.below(4) === 0 ? random.below(6) : 10 + random.below(40));
  }
  if (world.problems.length > 0) return;
  await lastLife(world);
}

/** One process from its start to its end, whatever that is. */
async function live(world: World, stepCount: number): Promise<void> {
  const { random, scheduler } = world;
  for (let attempt = 0; !(await world.boot()); attempt++) {
    world.end(random.below(2) === 0 ? 'kill' : 'power');
    if (attempt > 0) world.mend({ isRoomy: true });
    if (attempt > 3) return world.problem('it does not start');
  }
  const step = stepOf(world);
  for (let count = 0; count < stepCount && world.problems.length === 0; count++) {
    step();
    await scheduler.run(random.below(3) === 0 ? random.below(150) : random.below(25));
  }
  if (world.problems.length > 0) return;
  if (random.below(4) === 0) await healed(world);
  if (random.below(3) === 0) await stop(world, random.below(3) > 0);
  const isHasty = world.isHasty && random.below(2) === 0;
  if (isHasty || random.below(2) === 0) await badMoment(world);
  world.end(isHasty || random.below(3) === 0 ? 'kill' : 'power');
}

/** Lets a flush go on up to a step after which a crash hurts most: done, and not yet durable. */
async function badMoment(world: World): Promise<void> {
  const { random, scheduler } = world;
  const names = world.isHasty
    ? ['rename']
    : ['rename', 'rename', 'sync', 'datasync', 'unlink', 'remote put'];
  const name = names[random.below(names.length)];
  beginFlush(world);
  for (let count = 0; count < badMomentEventsMax && (await scheduler.step()); count++) {
    if (scheduler.lastName === name) return;
  }
}

async function stop(world: World, isPatient: boolean): Promise<void> {
  const { app } = world.process ?? {};
  if (app === undefined) return;
  world.say('stop');
  const stopping = world.begin('stop', async () => {
    await app.stop().then(
      () => world.say('stopped'),
      (error: unknown) => world.say(`stopped with failures: ${error}`),
    );
  });
  if (isPatient) await world.finish('stop', stopping);
  else await world.scheduler.run(world.random.below(200));
}

/** Without faults everything comes to rest in blocks, and stays there over a power loss. */
async function lastLife(world: World): Promise<void> {
  world.mend({ isRoomy: true });
  if (!(await world.boot({ isWell: true })))
    return world.problem('it does not start on a good disk');
  await healed(world, { isFlushed: true });
  if (world.problems.length > 0) return;
  await stop(world, true);
  world.end('power');
  if (!(await world.boot({ isWell: true })))
    return world.problem('it does not start after a clean stop');
  await healed(world);
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  process.on('unhandledRejection', (reason) => rejections.push(String(reason)));
}
