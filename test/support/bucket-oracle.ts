// What a bucket may hold, given which calls were made and which of them were answered. Owns the
// rule: what was answered is there; what was not is there whole or not at all.
import type { Bucket } from '../../src/bucket/bucket.ts';
import { isFailure } from '../../src/errors.ts';
import { textOf } from './bytes.ts';

/** The objects of a unit by key; empty: nothing is there. */
export type Content = Readonly<Record<string, string>>;

/** Calls that a broken disk refused are made again, so often. */
const attemptsMax = 4;

/** Unit: a key, or the prefix of a folder that comes and goes as a whole. */
export class BucketOracle {
  readonly #allowed = new Map<string, Set<string>>();
  /** Failures that calls were answered with before they were made again. */
  readonly failures: unknown[] = [];

  /** Makes a call after which the unit holds `content`; again when it is `unavailable`. */
  async does<T>(unit: string, content: Content, call: () => Promise<T>): Promise<T> {
    this.may(unit, content);
    const answer = await this.tries(call);
    this.is(unit, content);
    return answer;
  }

  /** Makes a call that changes nothing visible; again when it is `unavailable`. */
  async tries<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        if (!isFailure(error, 'unavailable') || attempt === attemptsMax) throw error;
        this.failures.push(error);
      }
    }
  }

  /** The unit may hold `content` from now on, or what it may hold so far. */
  may(unit: string, content: Content): void {
    this.#of(unit).add(encode(content));
  }

  is(unit: string, content: Content): void {
    this.#allowed.set(unit, new Set([encode(content)]));
  }

  /** The unit does not hold this. */
  isNot(unit: string, content: Content): void {
    this.#of(unit).delete(encode(content));
  }

  /** What is wrong with `bucket`, one line each. */
  async problems(bucket: Bucket): Promise<string[]> {
    const left = await contentOf(bucket);
    const problems: string[] = [];
    for (const [unit, allowed] of this.#allowed) {
      const found = Object.fromEntries([...left].filter(([key]) => isIn(unit, key)));
      for (const key of Object.keys(found)) left.delete(key);
      if (allowed.has(encode(found))) continue;
      problems.push(
        `${unit} is ${brief(encode(found))}, not ${[...allowed].map(brief).join(' or ')}`,
      );
    }
    for (const key of left.keys()) problems.push(`${key} is nobody's`);
    return problems;
  }

  /** Takes what the bucket shows for what it has to show from now on. */
  async trusts(bucket: Bucket): Promise<void> {
    const shown = await contentOf(bucket);
    for (const unit of this.#allowed.keys()) {
      this.is(unit, Object.fromEntries([...shown].filter(([key]) => isIn(unit, key))));
    }
  }

  #of(unit: string): Set<string> {
    const allowed = this.#allowed.get(unit) ?? new Set([encode({})]);
    this.#allowed.set(unit, allowed);
    return allowed;
  }
}

/** Every object of a bucket by key; reads what the listing names. */
export async function contentOf(bucket: Bucket): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const { objects } = await bucket.list('');
  for (const { key } of objects) found.set(key, textOf(await bucket.get(key)));
  return found;
}

function isIn(unit: string, key: string): boolean {
  return unit.endsWith('/') ? key.startsWith(unit) : key === unit;
}

function encode(content: Content): string {
  return JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function brief(encoded: string): string {
  return encoded.replaceAll(/([^"]{20})[^"]*([^"]{5})/g, '$1…$2');
}
