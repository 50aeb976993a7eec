// A random history of an app (pushes, flushes, ships, evictions, restarts, crashes) with questions
// at every moment of it, each held against the model. Owns what is drawn and in which order; the
// seed decides all of it but the interleaving of what runs at the same time.
import type { Random } from '../fixtures/random.ts';
import { testStartMs } from './memory-platform.ts';
import { type ModelSelect, QueryModel } from './query-model.ts';
import type { ModelPush, ModelRow } from './query-model-rows.ts';
import { labelsQuestion } from './query-oracle-labels.ts';
import type { PushedWorld } from './query-oracle-push.ts';
import type { Question } from './query-oracle-question.ts';
import { seriesQuestion, stacksQuestion } from './query-oracle-questions.ts';
import { type DrawOptions, randomPush, randomSelect, randomSeriesSelect } from './random-query.ts';

/** Where a profile is. */
export type Place = 'head' | 'block' | 'bucket';

/** What serves the app, and what can be done to it. Every step leaves it started. */
export interface World extends PushedWorld {
  /** Around which times are drawn. */
  readonly clocks: { readonly wallMs: number };
  /** Whether nothing tells when a push was received, so that all must carry a time. */
  readonly isTimed: boolean;
  /** Whether a question may be about several tenants. */
  readonly asksAcross: boolean;
  restart(): Promise<void>;
  /** Ends it without a word, whatever is under way, and starts it anew. */
  crash(): Promise<void>;
  flush(): Promise<void>;
  tick(): Promise<void>;
  advance(ms: number): void;
  /** Finds out where everything is; call it when nothing is under way. */
  census(): Promise<void>;
  /** As of the last census. */
  placeOf(row: ModelRow): Place;
}

/** What happened, to be sure that it did. */
export interface Tally {
  /** Questions about stacks by where what they select was: `head`, `block+bucket`, `nothing`. */
  places: Map<string, number>;
  /** Steps by kind. */
  steps: Map<StepName, number>;
  /** Answers that were refused because of a sum. */
  refused: number;
}

export const createTally = (): Tally => ({ places: new Map(), steps: new Map(), refused: 0 });

const count = <T>(counts: Map<T, number>, key: T) => counts.set(key, (counts.get(key) ?? 0) + 1);

/** How often each kind of step is taken, relative to the others. */
const weights = {
  push: 30,
  ask: 45,
  flush: 3,
  later: 7,
  'push again': 2,
  'ask beside a push': 5,
  'ask beside a flush': 4,
  'ask beside a tick': 4,
  restart: 1,
  crash: 2,
};
export type StepName = keyof typeof weights;
export const stepNames = Object.keys(weights) as StepName[];

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Whom it pushes for. */
export const oracleTenants = ['a', 'b'];

export class Oracle {
  readonly world: World;
  readonly #random: Random;
  readonly #tally: Tally;

  /** `random` draws what happens. */
  constructor(world: World, random: Random, tally: Tally) {
    this.world = world;
    this.#random = random;
    this.#tally = tally;
  }

  /** One step. Throws with what was asked when an answer differs. */
  async step(): Promise<void> {
    const flush = () => this.world.flush();
    const tick = () => this.#tickLater();
    const runs: Record<StepName, () => Promise<void>> = {
      push: () => this.#push(),
      ask: () => this.#ask(),
      flush: () => this.#flush(),
      later: () => this.#later(),
      'push again': () => this.#pushAgain(),
      'ask beside a push': () => this.#askBesidePush(),
      'ask beside a flush': () => this.#askBeside(flush),
      'ask beside a tick': () => this.#askBeside(tick),
      restart: () => this.#restart(),
      crash: () => this.#crash([undefined, flush, tick]),
    };
    const name = this.#drawStep();
    count(this.#tally.steps, name);
    await runs[name]();
  }

  #drawStep(): StepName {
    const all = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    let drawn = this.#random.below(all);
    for (const name of stepNames) {
      drawn -= weights[name];
      if (drawn < 0) return name;
    }
    throw new Error('the weights do not add up');
  }

  /** Times near now, so that what was pushed together lies together, or anywhere. */
  #window(): DrawOptions {
    const { wallMs } = this.world.clocks;
    const isNear = this.#random.below(3) > 0;
    const [fromMs, toMs] = isNear
      ? [wallMs - 10 * minuteMs, wallMs + minuteMs]
      : [testStartMs - 10 * hourMs, wallMs];
    const { isTimed, asksAcross } = this.world;
    const drawn = asksAcross
      ? oracleTenants
      : [oracleTenants[this.#random.below(oracleTenants.length)] as string];
    return {
      tenants: drawn,
      isTimed,
      fromMs,
      toMs,
      stepMs: isNear ? minuteMs : 10 * minuteMs,
      hugeEvery: 16,
    };
  }

  #draw(): Promise<ModelPush> {
    return this.world.dated(randomPush(this.#random, this.#window()));
  }

  async #push(): Promise<void> {
    for (let left = 1 + this.#random.below(2); left > 0; left--) {
      const push = await this.#draw();
      await this.world.push(push, this.#random.below(2) === 0);
    }
  }

  /**
   * A client that did not hear the answer sends the same bytes again, within the time that keys are
   * known, and for a profile that carries no time at the same moment.
   */
  async #pushAgain(): Promise<void> {
    const push = await this.#draw();
    const isGzip = this.#random.below(2) === 0;
    await this.world.push(push, isGzip);
    if (this.#random.below(3) === 0) await this.#crash([undefined, () => this.world.flush()]);
    await this.world.send(push, isGzip);
    await this.#ask();
  }

  #question(): Question {
    const random = this.#random;
    const window = this.#window();
    if (random.below(5) === 0) {
      const { fromMs: startMs, toMs: endMs } = window;
      const middleMs = startMs + random.below(endMs - startMs);
      return labelsQuestion(random, window, { startMs, endMs: middleMs });
    }
    if (random.below(5) === 0) return seriesQuestion(random, randomSeriesSelect(random, window));
    return stacksQuestion(random, this.#select(), this.#select());
  }

  /** At random, or about something that is there. */
  #select(): ModelSelect {
    const random = this.#random;
    const { rows } = this.world.model;
    const ids = rows.map(({ profileId }) => profileId);
    const select = randomSelect(random, this.#window(), ids.slice(-random.below(8)));
    const aim = rows[random.below(rows.length)];
    if (aim === undefined || random.below(3) === 0) return select;
    const atMs = Number(aim.timeNs / 1_000_000n);
    const aroundMs = [0, minuteMs, 20 * minuteMs, 10 * hourMs][random.below(4)] as number;
    const range = {
      startMs: atMs - random.below(aroundMs + 1),
      endMs: atMs + 1 + random.below(aroundMs + 1),
    };
    const { profileType } = aim;
    const matchers = random.below(3) === 0 ? select.matchers : [];
    return { ...select, tenants: [aim.tenant], profileType, range, matchers };
  }

  async #ask(): Promise<void> {
    const question = this.#question();
    const places = this.#placesOf(question);
    const answer = await this.#answer(question);
    this.#check(question, answer, [this.world.model]);
    if (places !== undefined) count(this.#tally.places, places);
  }

  #placesOf({ select }: Question): string | undefined {
    if (select === undefined) return undefined;
    const found = new Set<Place>();
    for (const row of this.world.model.selected(select)) found.add(this.world.placeOf(row));
    return [...found].sort().join('+') || 'nothing';
  }

  async #answer(question: Question): Promise<unknown> {
    try {
      return await question.ask(this.world);
    } catch (cause) {
      throw new Error(`no answer to ${question.text}`, { cause });
    }
  }

  /** The answer is that of one of the models, the latest first. */
  #check(question: Question, answer: unknown, models: readonly QueryModel[]): void {
    if (typeof answer === 'object' && answer !== null && 'refused' in answer) this.#tally.refused++;
    const differences: unknown[] = [];
    for (const model of models) {
      try {
        question.check(answer, model);
        return;
      } catch (error) {
        differences.push(error);
      }
    }
    const [cause] = differences;
    const shown = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`another answer to ${question.text}: ${shown}`, { cause });
  }

  /** Asks several at once, while `work` is under way; nothing is pushed. */
  async #askBeside(work: () => Promise<void>): Promise<void> {
    const questions = Array.from({ length: 1 + this.#random.below(3) }, () => this.#question());
    const working = work();
    const answers = questions.map((question) => this.#answer(question));
    const [, ...given] = await Promise.all([working, ...answers]);
    for (const [i, question] of questions.entries()) {
      this.#check(question, given[i], [this.world.model]);
    }
    await this.world.census();
  }

  /** The push is seen or not seen, but never a part of it. */
  async #askBesidePush(): Promise<void> {
    const question = this.#question();
    const push = await this.#draw();
    const before = new QueryModel();
    before.rows.push(...this.world.model.rows);
    const sending = this.world.send(push, false);
    const [answer] = await Promise.all([this.#answer(question), sending]);
    this.world.file(push);
    this.#check(question, answer, [this.world.model, before]);
    await this.#ask();
  }

  async #flush(): Promise<void> {
    await this.world.flush();
    await this.world.census();
  }

  #tickLater(): Promise<void> {
    this.world.advance(this.#random.below(16 * minuteMs));
    return this.world.tick();
  }

  /** Heads become old, blocks are shipped, and those that were are deleted on this machine. */
  async #later(): Promise<void> {
    await this.#tickLater();
    await this.world.census();
  }

  async #restart(): Promise<void> {
    await this.world.restart();
    await this.#ask();
  }

  /** At rest (undefined), or in the middle of something. */
  async #crash(moments: readonly ((() => Promise<void>) | undefined)[]): Promise<void> {
    const { world } = this;
    const midway = moments[this.#random.below(moments.length)];
    const doomed = midway?.().catch(() => undefined);
    for (let turns = this.#random.below(40); turns > 0; turns--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await world.crash();
    await doomed;
    await this.#ask();
    await world.census();
  }
}
