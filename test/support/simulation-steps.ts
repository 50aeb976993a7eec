// The things that happen in a simulation, one call each, by weight. Owns what each call of the
// server may answer, and the way back to rest.
import { encodePush } from './http-push.ts';
import { diskFault, weather } from './simulation-faults.ts';
import { type SentProfile, tenants } from './simulation-ledger.ts';
import { labelValues, type SimulatedProcess, send } from './simulation-process.ts';
import type { World } from './simulation-world.ts';

/** As the settings of the app have it: for so long a repeated profile is known. */
const keyWindowMs = 15 * 60_000;
const hourMs = 3_600_000;
/** Longer than any back-off and any interval between two passes. */
const healingMs = 12 * 60_000;
const healingRounds = 8;

/** Answers a call that makes something happen. */
export function stepOf(world: World): () => void {
  const { random } = world;
  const life = new Life(world);
  const choices: [number, () => void][] = [
    [30, () => life.push(freshProfiles(world))],
    [14, () => life.repeat()],
    [14, () => life.tick()],
    [5, () => flush(world, life)],
    [8, () => life.query()],
    [10, () => world.scheduler.pass(1_000 + random.below(90_000))],
    [1, () => jump(world)],
    [6, () => diskFault(world)],
    [4, () => weather(world)],
    [4, () => world.mend()],
  ];
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  return () => {
    let at = random.below(total);
    for (const [weight, act] of choices) {
      at -= weight;
      if (at < 0) return act();
    }
  };
}

/** Begins a flush and does not wait for it. */
export function beginFlush(world: World): void {
  new Life(world).flush();
}

class Life {
  readonly #world: World;
  readonly #process: SimulatedProcess;
  #ticking: Promise<void> | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#process = world.process as SimulatedProcess;
  }

  /** One request with profiles of one tenant, which may have been sent before. */
  push(profiles: readonly SentProfile[]): void {
    const world = this.#world;
    const [first] = profiles;
    if (first === undefined) return;
    const { wallMs, monotonicMs } = world.scheduler;
    for (const profile of profiles) {
      profile.firstSent ??= { wallMs, monotonicMs };
    }
    const ids = profiles.map(({ id }) => id).join(' ');
    world.say(`push ${first.tenant} ${ids}`);
    const body = encodePush(profiles.map((one) => ({ labels: one.labels, profiles: [one.body] })));
    void world.begin(`push ${ids}`, async () => {
      const answer = await send(this.#process.app, '/push.v1.PusherService/Push', {
        method: 'POST',
        tenant: first.tenant,
        body,
        headers: { 'content-type': 'application/proto', 'content-length': String(body.length) },
      });
      world.say(`push ${ids} answered ${answer.status}`);
      if (answer.status === 200) for (const one of profiles) one.isAcknowledged = true;
      else if (answer.status !== 503) {
        world.problem(`push ${ids} answered ${answer.status}: ${answer.body}`);
      }
    });
  }

  /**
   * A client that was not told 200, or does not wait for it, sends the same again. It gives up when
   * a window is over by its own clock, and when the server may have taken its keys for old, as a
   * clock that was set makes it do.
   */
  repeat(): void {
    const { ledger, scheduler, random } = this.#world;
    const isOpen = ({ firstSent, isAcknowledged }: SentProfile) =>
      (!isAcknowledged || random.below(10) === 0) &&
      firstSent !== undefined &&
      scheduler.monotonicMs - firstSent.monotonicMs < keyWindowMs &&
      scheduler.wallPeakSince(firstSent.monotonicMs) - firstSent.wallMs < keyWindowMs;
    const open = ledger.profiles.filter(isOpen);
    const first = open[random.below(Math.max(1, open.length))];
    if (first === undefined) return;
    const more = open.filter(({ tenant, id }) => tenant === first.tenant && id > first.id);
    this.push([first, ...more.slice(0, random.below(3))]);
  }

  tick(): void {
    const world = this.#world;
    if (this.#ticking !== undefined) return;
    this.#ticking = world.begin('tick', async () => {
      await this.#process.app.tick(world.scheduler.wallMs);
      this.#ticking = undefined;
    });
  }

  flush(): void {
    const world = this.#world;
    const { ledger } = world;
    const acknowledged = ledger.profiles.filter((one) => one.isAcknowledged);
    void world.begin('flush', async () => {
      const { status, body } = await send(this.#process.app, '/flush', { method: 'POST' });
      const left = status === 204 ? acknowledged.filter((one) => !ledger.isInBlock(one)) : [];
      for (const { id, tenant } of left.slice(0, 3)) {
        world.problem(`acked profile ${id} of ${tenant} is in no block after a flush`);
      }
      if (status !== 204) world.say(`flush answered ${status} ${body.trim()}`);
      if (status !== 204 && status !== 503) world.problem(`flush answered ${status}: ${body}`);
    });
  }

  /** Shows what must be there all the while, wherever it is, and nothing that was not committed. */
  query(): void {
    const world = this.#world;
    const { ledger, random } = world;
    const tenant = tenants[random.below(tenants.length)] as string;
    const mustHave = ledger.profiles.filter(
      (one) => one.tenant === tenant && one.isAcknowledged && one.sequence > 0,
    );
    void world.begin('query', async () => {
      const answer = await labelValues(this.#process.app, tenant, 'pod');
      if (answer === undefined) return;
      const shown = new Set(answer);
      for (const { id, pod, isExpired } of mustHave) {
        if (!isExpired && !shown.has(pod)) {
          world.problem(`acked profile ${id} is not among the labels of ${tenant}`);
        }
      }
      const may = ledger.profiles.filter((one) => one.tenant === tenant && one.isCommitted);
      const allowed = new Set(may.map(({ pod }) => pod));
      for (const pod of shown) {
        if (!allowed.has(pod)) world.problem(`labels of ${tenant} show ${pod} before its commit`);
      }
    });
  }
}

function jump(world: World): void {
  const ms = world.random.below(2) === 0 ? hourMs : -hourMs;
  world.say(`clock is set by ${ms} ms`);
  world.scheduler.jump(ms);
}

function freshProfiles(world: World): SentProfile[] {
  const { random, ledger } = world;
  const tenant = tenants[random.below(tenants.length)] ?? tenants[0];
  return Array.from({ length: 1 + random.below(3) }, () => ledger.make(tenant));
}

/**
 * Takes all faults away and lets the process come to rest, then looks at everything. With
 * `isFlushed` nothing may be left in heads and log, and all must be in the bucket.
 */
export async function healed(world: World, { isFlushed = false } = {}): Promise<void> {
  world.mend({ isRoomy: true });
  const { app } = world.process as SimulatedProcess;
  await world.finish('what was under way');
  for (let round = 0; round < healingRounds; round++) {
    const life = new Life(world);
    life.tick();
    if (isFlushed) life.flush();
    await world.finish('tick');
    world.scheduler.pass(healingMs / healingRounds);
    await world.finish('what the tick began');
  }
  const ready = await send(app, '/ready');
  if (ready.status !== 200) world.problem(`not ready on a good disk: ${ready.body}`);
  const result = await world.audit();
  if (world.problems.length > 0) return;
  for (const [tenant, pods] of result.pods) {
    let shown: string[] | undefined;
    const asking = world.begin('labels', async () => {
      shown = await labelValues(app, tenant, 'pod');
    });
    await world.finish('labels', asking);
    const expected = [...pods].sort().join(' ');
    const found = shown?.sort().join(' ');
    if (found !== expected) world.problem(`labels of ${tenant} are ${found}, not ${expected}`);
  }
  if (!isFlushed) return;
  if (result.loggedCount > 0) world.problem(`${result.loggedCount} records are in no block`);
  const unshipped = result.unshipped.filter((name) => !world.expired.has(name));
  if (world.remoteStore === undefined || unshipped.length === 0) return;
  world.problem(`${unshipped.length} blocks are not in the bucket`);
}

function flush(world: World, life: Life): void {
  world.say('flush');
  life.flush();
}
