// The rooms of the directory over the storage of real objects.
import { describe, expect, it } from 'vitest';
import { Membership } from '../../src/directory/membership.ts';
import { type Listed, TenantList } from '../../src/directory/tenant-list.ts';
import { Failure } from '../../src/errors.ts';
import { createLogger } from '../../src/lib/log.ts';
import type { ObjectStorage } from '../../src/wal/durable-object-table.ts';
import { openObject } from '../support/workers-env.ts';

function allOf(list: TenantList): string[] {
  const names: string[] = [];
  for (let page = list.page(''); page.tenants.length > 0; page = list.page(names.at(-1) ?? '')) {
    names.push(...page.tenants);
  }
  return names;
}

describe('the list of tenants', () => {
  it('has each tenant once, in the order of their bytes, also when opened again', async () => {
    const object = openObject();
    await object(async (storage) => {
      const list = new TenantList(storage);
      for (const name of ['b', 'a', 'B', 'a', 'c']) expect(list.add(name)).toBe('listed');
    });
    await object(async (storage) => {
      const list = new TenantList(storage);
      expect(list.add('b')).toBe('listed');
      expect(list.page('')).toEqual({ tenants: ['B', 'a', 'b', 'c'], isFull: false });
      expect(list.page('b').tenants).toEqual(['c']);
      expect(list.page('c').tenants).toEqual([]);
    });
  });

  it('answers more than a page, page by page', async () => {
    await openObject()(async (storage) => {
      const list = new TenantList(storage);
      for (let at = 0; at < 2_500; at++) list.add(`tenant-${at}`);
      expect(list.page('').tenants).toHaveLength(1_000);
      const all = allOf(list);
      expect([all.length, new Set(all).size]).toEqual([2_500, 2_500]);
    });
  });

  it('takes no more than its bound, and says that there are others', async () => {
    const object = openObject();
    const fill = async (storage: ObjectStorage) => {
      const list = new TenantList(storage, 3);
      const answers = ['a', 'b', 'c', 'd', 'e'].map((name) => list.add(name));
      return { answers, page: list.page('') };
    };
    for (const _ of ['first', 'again']) {
      const { answers, page } = await object(fill);
      expect(answers).toEqual(['listed', 'listed', 'listed', 'listed', 'full']);
      expect(page).toEqual({ tenants: ['a', 'b', 'c', 'd'], isFull: true });
    }
  });
});

describe('a tenant’s object', () => {
  const memberOf = (storage: ObjectStorage, tell: (tenant: string) => Promise<Listed>) => {
    const lines: string[] = [];
    const sink = (line: string) => lines.push(line);
    const log = createLogger({ level: 'warn', format: 'logfmt', nowMs: Date.now, sink });
    return { member: new Membership({ storage, tell, log }), lines };
  };

  it('tells its tenants once, whatever becomes of it', async () => {
    const object = openObject();
    const told: string[] = [];
    const tell = async (tenant: string): Promise<Listed> => {
      told.push(tenant);
      return 'listed';
    };
    for (const tenants of [['a'], ['a'], ['a', 'b'], ['b']]) {
      await object(async (storage) => {
        const { member } = memberOf(storage, tell);
        await member.ensure(tenants);
        await member.ensure(tenants);
      });
    }
    expect(told).toEqual(['a', 'b']);
  });

  it('tells again what was not heard', async () => {
    await openObject()(async (storage) => {
      let isAway = true;
      let count = 0;
      const { member } = memberOf(storage, async () => {
        count++;
        if (isAway) throw new Failure('unavailable', 'directory is away');
        return 'listed';
      });
      await expect(member.ensure(['a'])).rejects.toThrow('directory is away');
      isAway = false;
      await member.ensure(['a']);
      await member.ensure(['a']);
      expect(count).toBe(2);
    });
  });

  it('goes on without a place in the list, says so, and asks again when started', async () => {
    const object = openObject();
    let count = 0;
    const tell = async (): Promise<Listed> => {
      count++;
      return 'full';
    };
    for (const _ of ['first', 'again']) {
      await object(async (storage) => {
        const { member, lines } = memberOf(storage, tell);
        await member.ensure(['a']);
        await member.ensure(['a']);
        expect(lines).toEqual([expect.stringContaining('list of tenants is full')]);
      });
    }
    expect(count).toBe(2);
  });
});
