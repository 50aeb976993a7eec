// A process that can die at any call: buckets and disks of a life, whose calls neither happen nor
// return once it has ended, and which take a random number of turns. Owns the wrapping; whoever
// waits for a call of a dead process waits for ever, and has to race `ended`.
import type { Random } from '../fixtures/random.ts';

export interface Life {
  /** Resolves when the life ends. */
  readonly ended: Promise<void>;
  /** The same object, bound to this life; so is everything that its calls answer. */
  bind<T extends object>(part: T): T;
  /** Turns of the event loop pass, more or fewer. */
  turns(): Promise<void>;
  /** Nothing more happens; files that are open are closed, as the system does. */
  end(): Promise<void>;
}

/** Each call waits for up to `turnsMax` turns before it happens. */
export function createLife(random: Random, turnsMax: number): Life {
  let isDead = false;
  let tell: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const files = new Set<{ close: () => Promise<void> }>();
  const turns = async () => {
    for (let left = random.below(turnsMax + 1); left > 0; left--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const call = async (part: object, name: string, run: () => unknown) => {
    await turns();
    if (isDead) return never;
    const answer = await run();
    if (name === 'open') files.add(answer as { close: () => Promise<void> });
    if (name === 'close') files.delete(part as { close: () => Promise<void> });
    if (isDead) return never;
    return isPart(answer) ? bind(answer) : answer;
  };
  const bind = <T extends object>(part: T): T =>
    new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        return (...args: unknown[]) => call(target, name, () => value.apply(target, args));
      },
    });
  return {
    ended,
    bind,
    turns,
    end: async () => {
      isDead = true;
      tell();
      for (const file of files) await file.close().catch(() => undefined);
    },
  };
}

/** A stage or an open file: what is called again. */
function isPart(answer: unknown): answer is object {
  if (typeof answer !== 'object' || answer === null) return false;
  return ['commit', 'datasync'].some((name) => Reflect.get(answer, name) instanceof Function);
}
