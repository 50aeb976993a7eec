// Views of heads that another object reads: they end when they are closed, forgotten, too many, or
// when what they show has gone elsewhere; and no head is taken away under a question.
import { describe, expect, it } from 'vitest';
import type { KernelPool } from '../../../src/kernel/pool.ts';
import { createDeferred } from '../../../src/lib/deferred.ts';
import { Views } from '../../../src/spread/views.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { everything } from '../../support/meter.ts';

const { packed } = loadFixture('go-cpu');

async function opened(options: Parameters<typeof openDatabase>[0] = {}) {
  const test = await openDatabase(options);
  await test.push('cart', packed);
  let count = 0;
  let nowMs = 0;
  const views = new Views({
    findDatabase: () => Promise.resolve(test.database),
    clock: { monotonicMs: () => nowMs },
    yield: () => Promise.resolve(),
    newId: () => `view-${++count}`,
  });
  const wait = (ms: number) => {
    nowMs += ms;
  };
  const open = async () => {
    const { view, heads } = await views.open('a');
    const ulid = heads[0]?.ulid ?? '';
    const services = async () => {
      const sets = await views.ask(view, ulid, (source, meter) => source.series(everything, meter));
      const names = sets.flatMap((set) => set.filter(({ name }) => name === 'service_name'));
      return [...new Set(names.map(({ value }) => value))].sort();
    };
    return { view, ulid, heads, services };
  };
  return { ...test, views, wait, open };
}

/** The kernels that the pool is given back from now on. */
function releasesOf(pool: Pick<KernelPool, 'release'>): unknown[] {
  const release = pool.release.bind(pool);
  const released: unknown[] = [];
  pool.release = (kernel) => {
    released.push(kernel);
    release(kernel);
  };
  return released;
}

const gone = { kind: 'missing' };

describe('a view', () => {
  it('shows what was acknowledged when it was opened, also after a flush', async () => {
    const { open, push, database } = await opened();
    const view = await open();
    expect(view.heads).toHaveLength(1);
    expect(view.heads[0]?.answerBytes).toBeGreaterThan(0);
    await push('mail', packed);
    expect(await view.services()).toEqual(['cart']);
    await database.flush('api');
    expect(await view.services()).toEqual(['cart']);
    expect(await (await open()).heads).toEqual([]);
  });

  it('ends when it is closed, and gives its heads back', async () => {
    const { open, views, database, pool } = await opened();
    const view = await open();
    await database.flush('api');
    const released = releasesOf(pool);
    views.close(view.view);
    await expect(view.services()).rejects.toMatchObject(gone);
    expect(released).toHaveLength(1);
  });

  it('ends when nobody has asked it for longer than a query may take', async () => {
    const { open, wait } = await opened();
    const view = await open();
    wait(120_000);
    expect(await view.services()).toEqual(['cart']);
    wait(120_000);
    expect(await view.services()).toEqual(['cart']);
    wait(150_000);
    await expect(view.services()).rejects.toMatchObject(gone);
  });

  it('takes the place of the one that asked for longest ago when there are many', async () => {
    const { open } = await opened();
    const first = await open();
    const second = await open();
    for (let count = 2; count < 64; count++) await open();
    expect(await first.services()).toEqual(['cart']);
    await open();
    await expect(second.services()).rejects.toMatchObject(gone);
    expect(await first.services()).toEqual(['cart']);
  });

  it('ends when a head of it was dropped, whose profiles come back in another', async () => {
    let isArmed = false;
    const { open, push, database } = await opened({
      beforeAppend: () => {
        if (isArmed) throw new Error('trap');
      },
    });
    const view = await open();
    isArmed = true;
    await push('mail', packed);
    isArmed = false;
    await expect(view.services()).rejects.toMatchObject(gone);
    await database.ready();
    const again = await open();
    expect(again.ulid).not.toBe(view.ulid);
    expect(await again.services()).toEqual(['cart', 'mail']);
  });

  it('keeps its heads until the question under way is answered', async () => {
    const { views, open, pool, database } = await opened();
    const view = await open();
    const going = createDeferred();
    const asking = views.ask(view.view, view.ulid, async (source, meter) => {
      await going.promise;
      return source.series(everything, { ...meter, pause: () => Promise.resolve() });
    });
    await database.flush('api');
    views.close(view.view);
    const released = releasesOf(pool);
    expect(released).toEqual([]);
    going.resolve();
    expect(await asking).not.toEqual([]);
    expect(released).toHaveLength(1);
  });
});
