// A home that changes its routing: in which order, what a failure in the middle leaves, and which
// objects a query still has to ask.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { Home } from '../../../src/spread/home.ts';
import type { Spreading } from '../../../src/spread/routing.ts';

const windowMs = 900_000;

/** A home over what outlives it; `events` tells what became durable and who was told what. */
function createStore() {
  const values = new Map<string, object>();
  const events: string[] = [];
  const world = { wanted: { shards: 1, key: 'service' } as Spreading, failing: '', nowMs: 1_000 };
  const open = async () => {
    const home = new Home({
      store: {
        load: async (name) => structuredClone(values.get(name)),
        save: async (name, value) => {
          const { current, isEnding } = value as { current: { epoch: number }; isEnding: boolean };
          events.push(`stored ${current.epoch}${isEnding ? ' ends' : ''}`);
          values.set(name, structuredClone(value));
        },
      },
      wantedOf: () => world.wanted,
      close: async (name, epoch) => {
        if (name === world.failing) throw new Failure('unavailable', `${name} is away`);
        events.push(`${name} closed ${epoch}`);
      },
      onRetired: () => events.push('retired'),
      onChanged: () => undefined,
      nowMs: () => world.nowMs,
      windowMs,
    });
    await home.load();
    return home;
  };
  return { world, events, values, open };
}

describe('a home', () => {
  it('stores nothing for a tenant that is not spread', async () => {
    const { open, values, events } = createStore();
    const home = await open();
    expect(await home.routing('shop')).toEqual({
      current: { epoch: 0, shards: 1, key: 'service' },
      past: [],
    });
    expect([home.isWhole('shop'), home.openShards, values.size, events]).toEqual([true, [], 0, []]);
  });

  it('closes the old routing, stores the new one, and only then tells of it', async () => {
    const { world, open, events } = createStore();
    const home = await open();
    world.wanted = { shards: 3, key: 'series' };
    expect(home.isWhole('shop')).toBe(false);
    const both = await Promise.all([home.routing('shop'), home.routing('shop')]);
    expect(both[0]).toEqual(both[1]);
    expect(events).toEqual(['stored 0 ends', 'shop closed 0', 'stored 1']);
    expect(both[0]).toEqual({
      current: { epoch: 1, shards: 3, key: 'series' },
      past: [{ routing: { epoch: 0, shards: 1, key: 'service' }, leftMs: windowMs }],
    });
    const again = await open();
    expect(await again.routing('shop')).toEqual(both[0]);
    expect(again.openShards).toEqual(['shop/1', 'shop/2']);
  });

  it('begins another epoch after a change that failed, whatever is wanted then', async () => {
    const { world, open, events } = createStore();
    const home = await open();
    world.wanted = { shards: 2, key: 'series' };
    await home.routing('shop');
    world.wanted = { shards: 4, key: 'series' };
    world.failing = 'shop/1';
    await expect(home.routing('shop')).rejects.toThrow('shop/1 is away');
    world.failing = '';
    world.wanted = { shards: 2, key: 'series' };
    events.length = 0;
    const { current } = await (await open()).routing('shop');
    expect(current).toEqual({ epoch: 2, shards: 2, key: 'series' });
    expect(events).toEqual(['stored 1 ends', 'shop closed 1', 'shop/1 closed 1', 'stored 2']);
  });

  it('begins another epoch when a shard takes no more of this one', async () => {
    const { world, open } = createStore();
    const home = await open();
    world.wanted = { shards: 2, key: 'series' };
    await home.routing('shop');
    expect((await home.routing('shop', 0)).current.epoch).toBe(1);
    expect((await home.routing('shop', 1)).current.epoch).toBe(2);
  });

  it('has queries ask an object until that takes nothing and holds nothing', async () => {
    const { world, open, events } = createStore();
    const home = await open();
    world.wanted = { shards: 3, key: 'series' };
    await home.routing('shop');
    // In use.
    await home.drained('shop', 'shop/2', 0);
    await home.drained('shop', 'shop/2', 1);
    world.wanted = { shards: 2, key: 'series' };
    await home.routing('shop');
    // What it said before it was closed.
    await home.drained('shop', 'shop/2', 0);
    expect(home.openShards).toEqual(['shop/1', 'shop/2']);
    await home.drained('shop', 'shop/2', 1);
    expect(home.openShards).toEqual(['shop/1']);
    expect(events.at(-1)).toBe('retired');
    world.wanted = { shards: 3, key: 'series' };
    await home.routing('shop');
    expect((await open()).openShards.sort()).toEqual(['shop/1', 'shop/2']);
  });

  it('tells of past routings for as long as a push may be sent again', async () => {
    const { world, open } = createStore();
    const home = await open();
    world.wanted = { shards: 2, key: 'series' };
    await home.routing('shop');
    world.wanted = { shards: 1, key: 'service' };
    world.nowMs += 1_000;
    expect((await home.routing('shop')).past.map(({ leftMs }) => leftMs)).toEqual([
      windowMs,
      windowMs - 1_000,
    ]);
    expect(home.isWhole('shop')).toBe(false);
    world.nowMs += windowMs;
    expect((await home.routing('shop')).past).toEqual([]);
    expect([home.isWhole('shop'), home.epoch('shop')]).toEqual([true, 2]);
  });

  it('refuses a stored state that makes no sense', async () => {
    const { open, values } = createStore();
    values.set('spread-home', { version: 7 });
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt' });
  });
});
