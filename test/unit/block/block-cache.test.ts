// The cache: bounded by bytes, least recently used first out, one load for many askers, and nobody
// fails for another's reasons.
import { describe, expect, it } from 'vitest';
import { BlockCache, type CacheKind } from '../../../src/block/block-cache.ts';
import { Failure } from '../../../src/errors.ts';
import { createDeferred } from '../../../src/lib/deferred.ts';

const { signal } = new AbortController();
const load = (value: string, bytes: number) => async () => ({ value, bytes });

function createCache(bytesMax: number) {
  const gets: [CacheKind, boolean][] = [];
  const cache = new BlockCache({ bytesMax, onGet: (kind, isHit) => gets.push([kind, isHit]) });
  const get = (key: string, bytes = 10) => cache.get('footer', key, signal, load(key, bytes));
  return { cache, gets, get };
}

describe('the cache', () => {
  it('loads a thing once and says what was a hit', async () => {
    const { cache, gets, get } = createCache(100);
    expect(await get('a')).toBe('a');
    const never = () => Promise.reject(new Error('loaded again'));
    expect(await cache.get('footer', 'a', signal, never)).toBe('a');
    expect(gets).toEqual([
      ['footer', false],
      ['footer', true],
    ]);
    expect([cache.bytes, cache.entryCount]).toEqual([10, 1]);
  });

  it('lets go first what was not used for longest', async () => {
    const { cache, gets, get } = createCache(40);
    for (const key of ['a', 'b', 'c', 'd']) await get(key);
    await get('a');
    await get('e');
    expect([cache.bytes, cache.entryCount]).toEqual([40, 4]);
    gets.length = 0;
    for (const key of ['a', 'c', 'd', 'e', 'b']) await get(key);
    expect(gets.map(([, isHit]) => isHit)).toEqual([true, true, true, true, false]);
  });

  it('never holds more than its bytes, and nothing that would push out most', async () => {
    const { cache, get } = createCache(40);
    for (let i = 0; i < 50; i++) {
      expect(await get(`${i}`, 1 + (i % 10))).toBe(`${i}`);
      expect(cache.bytes).toBeLessThanOrEqual(40);
    }
    const before = cache.entryCount;
    expect(await get('large', 11)).toBe('large');
    expect(cache.entryCount).toBe(before);
  });

  it('shares a load among all who ask meanwhile', async () => {
    const { cache, gets } = createCache(100);
    const gate = createDeferred();
    let loads = 0;
    const slow = async () => {
      loads++;
      await gate.promise;
      return { value: loads, bytes: 1 };
    };
    const all = Array.from({ length: 5 }, () => cache.get('symbols', 'a', signal, slow));
    gate.resolve();
    expect(await Promise.all(all)).toEqual([1, 1, 1, 1, 1]);
    expect(gets.filter(([, isHit]) => !isHit)).toHaveLength(1);
  });
});

describe('a load that fails', () => {
  /** One who loads and two who wait. */
  function race(error: unknown) {
    const { cache } = createCache(100);
    const gate = createDeferred();
    const failing = cache.get('symbols', 'a', signal, async () => {
      await gate.promise;
      throw error;
    });
    let loads = 0;
    const other = async () => ({ value: `own ${++loads}`, bytes: 1 });
    const waiting = [1, 2].map(() => cache.get('symbols', 'a', signal, other));
    gate.resolve();
    return Promise.allSettled([failing, ...waiting]);
  }

  it('for reasons of its query is done again, once, by those who wait', async () => {
    const results = await race(new Failure('limit', 'over its bytes'));
    expect(results).toMatchObject([
      { status: 'rejected' },
      { status: 'fulfilled', value: 'own 1' },
      { status: 'fulfilled', value: 'own 1' },
    ]);
  });

  it.each(['corrupt', 'missing'] as const)('because its file is %s fails for all', async (kind) => {
    const results = await race(new Failure(kind, 'the file'));
    expect(results.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('is tried anew by the next', async () => {
    const { cache, get } = createCache(100);
    const bad = () => Promise.reject(new Failure('unavailable', 'bucket is down'));
    await expect(cache.get('footer', 'a', signal, bad)).rejects.toThrow('bucket is down');
    expect(await get('a')).toBe('a');
  });
});

it('stops waiting for another as soon as the own query is aborted', async () => {
  const { cache } = createCache(100);
  const gate = createDeferred();
  const slow = cache.get('footer', 'a', signal, async () => {
    await gate.promise;
    return { value: 'slow', bytes: 1 };
  });
  const abort = new AbortController();
  const waiting = cache.get('footer', 'a', abort.signal, load('own', 1));
  abort.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  gate.resolve();
  expect(await slow).toBe('slow');
});

describe('what is lent', () => {
  const lend = (cache: BlockCache, key: string, freed: string[], bytes = 10) =>
    cache.borrow('symbols', key, signal, async () => ({
      value: key,
      bytes,
      free: () => freed.push(key),
    }));

  it('is freed when it has left the cache and all have given it back', async () => {
    const { cache } = createCache(40);
    const freed: string[] = [];
    const [one, other] = [await lend(cache, 'a', freed), await lend(cache, 'a', freed)];
    for (const key of ['b', 'c', 'd', 'e']) (await lend(cache, key, freed)).giveBack();
    expect([one.value, other.value, cache.entryCount]).toEqual(['a', 'a', 4]);
    one.giveBack();
    expect(freed).toEqual([]);
    other.giveBack();
    expect(freed).toEqual(['a']);
    (await lend(cache, 'f', freed)).giveBack();
    expect(freed).toEqual(['a', 'b']);
  });

  it('is freed at once when it is too large to be kept, and loaded again', async () => {
    const { cache } = createCache(40);
    const freed: string[] = [];
    for (let i = 0; i < 2; i++) (await lend(cache, 'large', freed, 11)).giveBack();
    expect([freed, cache.bytes]).toEqual([['large', 'large'], 0]);
  });

  it('is not freed before those have it who waited for the same load', async () => {
    const { cache } = createCache(40);
    const freed: string[] = [];
    const hasty = async () => (await lend(cache, 'a', freed, 11)).giveBack();
    const [, other] = await Promise.all([hasty(), lend(cache, 'a', freed, 11)]);
    expect([other.value, freed]).toEqual(['a', []]);
    other.giveBack();
    expect(freed).toEqual(['a']);
  });
});
