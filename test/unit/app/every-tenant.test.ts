// A call for every tenant over lists of any length: who is called, and what is said of failures.
import { describe, expect, it } from 'vitest';
import { callEveryTenant } from '../../../src/app/every-tenant.ts';
import { Failure } from '../../../src/errors.ts';

/** A list with pages of seven. */
function listOf(count: number, isFull = false) {
  const names = Array.from({ length: count }, (_, at) => `t${String(at).padStart(3, '0')}`);
  return async (after: string) => ({
    tenants: names.filter((name) => name > after).slice(0, 7),
    isFull,
  });
}

describe('a call for every tenant', () => {
  it('is made once for each, a few at a time', async () => {
    const called: string[] = [];
    let underWay = 0;
    let underWayMax = 0;
    await callEveryTenant({
      tenantsAfter: listOf(40),
      callOf: async (tenant) => {
        underWayMax = Math.max(underWayMax, ++underWay);
        await new Promise((resolve) => setTimeout(resolve, 1));
        called.push(tenant);
        underWay--;
      },
    });
    expect([called.length, new Set(called).size]).toEqual([40, 40]);
    expect(underWayMax).toBe(6);
  });

  it('reaches the others when some fail, and names them', async () => {
    const done: string[] = [];
    const calling = callEveryTenant({
      tenantsAfter: listOf(20),
      callOf: async (tenant) => {
        if (tenant.endsWith('3')) throw new Failure('unavailable', 'bucket is away');
        done.push(tenant);
      },
    });
    await expect(calling).rejects.toMatchObject({
      kind: 'unavailable',
      message: '2 of 20 tenants failed; t003: bucket is away; t013: bucket is away',
    });
    expect(done).toHaveLength(18);
  });

  it('names ten of those that failed, and counts the rest', async () => {
    const callOf = () => Promise.reject(new Error('away'));
    await expect(callEveryTenant({ tenantsAfter: listOf(33), callOf })).rejects.toThrow(
      /^33 of 33 tenants failed; t000: away; .*t009: away; and 23 more$/,
    );
  });

  it('says when the list has no room for all', async () => {
    const calling = callEveryTenant({
      tenantsAfter: listOf(8, true),
      callOf: () => Promise.resolve(),
    });
    await expect(calling).rejects.toThrow('list of tenants is full at 8, there are others');
  });

  it('fails when the list cannot be read', async () => {
    const tenantsAfter = () => Promise.reject(new Failure('unavailable', 'directory is away'));
    const callOf = () => Promise.resolve();
    await expect(callEveryTenant({ tenantsAfter, callOf })).rejects.toThrow('directory is away');
  });
});
