// What every log driver must do. `walContract(name, open)` runs the suite against one of them.
import { describe, expect, it as itOf } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import { plainTreatment } from '../../src/model/treatment.ts';
import type { ProfileRecord, Wal } from '../../src/wal/wal.ts';

const ulid = '01J00000000000000000000000';

export interface OpenWalOptions {
  bytesMax: number;
}

/**
 * `open` makes a fresh, empty log that is not started. `inside` runs a case, with its log, where
 * the log's store can be reached.
 */
export function walContract(
  name: string,
  open: (options: OpenWalOptions) => Promise<Wal>,
  inside: (run: () => Promise<void>) => Promise<void> = (run) => run(),
): void {
  describe(`${name} as a log`, () => {
    let wal: Wal;

    const it = (title: string, run: () => unknown) =>
      itOf(title, () =>
        inside(async () => {
          wal = await open({ bytesMax: 2 ** 20 });
          await wal.start();
          try {
            await run();
          } finally {
            await wal.close();
          }
        }),
      );

    it('numbers records one after the other across tenants', () => {
      const sequences = ['a', 'b', 'a'].map((tenant) => wal.append(record(tenant)));
      const [first] = sequences as [number, number, number];
      expect(sequences).toEqual([first, first + 1, first + 2]);
    });

    it('reads back what was committed, per tenant, from a sequence on', async () => {
      const first = wal.append(record('a', 1));
      wal.append(record('b', 2));
      const third = wal.append(record('a', 3));
      await wal.commit(third);
      expect(await bodies(wal, 'a', 0)).toEqual([
        [first, 1],
        [third, 3],
      ]);
      expect(await bodies(wal, 'a', first + 1)).toEqual([[third, 3]]);
      expect(await bodies(wal, 'nobody', 0)).toEqual([]);
    });

    it('keeps every field of a record', async () => {
      const sent = record('a', 7);
      const sequence = wal.append(sent);
      await wal.commit(sequence);
      for await (const stored of wal.read('a', 0)) expect(stored).toEqual({ ...sent, sequence });
      for await (const header of wal.headers()) {
        const { tenant, receivedMs, contentKey, body } = sent;
        expect(header).toEqual({
          sequence,
          tenant,
          receivedMs,
          contentKey,
          bodyBytes: body.length,
        });
      }
    });

    it('tells the headers of one tenant or of all', async () => {
      for (const tenant of ['a', 'b', 'a']) wal.append(record(tenant));
      await wal.commit(wal.append(record('c')));
      const tenantsOf = async (tenant?: string) => {
        const found: string[] = [];
        for await (const header of wal.headers(tenant)) found.push(header.tenant);
        return found;
      };
      expect(await tenantsOf()).toEqual(['a', 'b', 'a', 'c']);
      expect(await tenantsOf('a')).toEqual(['a', 'a']);
      expect(await tenantsOf('nobody')).toEqual([]);
    });

    it('copies what it keeps', async () => {
      const sent = record('a', 1);
      const sequence = wal.append(sent);
      sent.body.fill(9);
      await wal.commit(sequence);
      expect(await bodies(wal, 'a', 0)).toEqual([[sequence, 1]]);
    });

    it('shows nothing that is not committed', async () => {
      const first = wal.append(record('a', 1));
      await wal.commit(first);
      wal.append(record('a', 2));
      expect(await bodies(wal, 'a', 0)).toEqual([[first, 1]]);
      expect(await headerCount(wal)).toBe(1);
    });

    it('releases nothing that came after', async () => {
      const first = wal.append(record('a', 1));
      await wal.commit(first);
      await wal.release('a', first, ulid);
      const second = wal.append(record('a', 2));
      await wal.commit(second);
      await wal.release('a', first, ulid);
      await wal.release('nobody', second, ulid);
      expect(await bodies(wal, 'a', 0)).toEqual([[second, 2]]);
      expect((await collect(wal.headers())).map(({ sequence }) => sequence)).toEqual([second]);
    });

    it('tells the keys of committed records since a time, released or not', async () => {
      const at = (fill: number, receivedMs: number) => ({ ...record('a', fill), receivedMs });
      wal.append(at(1, 1_000));
      const second = wal.append(at(2, 2_000));
      const third = wal.append(at(3, 3_000));
      await wal.commit(third);
      wal.append(at(4, 4_000));
      expect([...wal.recentKeys(2_000)]).toEqual([
        { tenant: 'a', receivedMs: 2_000, contentKey: new Uint8Array(16).fill(2) },
        { tenant: 'a', receivedMs: 3_000, contentKey: new Uint8Array(16).fill(3) },
      ]);
      expect([...wal.recentKeys(0, 'b')]).toEqual([]);
      expect([...wal.recentKeys(3_000, 'a')]).toHaveLength(1);
      const before = [...wal.recentKeys(0)];
      await wal.release('a', second, ulid);
      expect([...wal.recentKeys(0)]).toEqual(expect.arrayContaining(before));
    });

    it('tells the newest held record of each tenant', async () => {
      expect([...wal.newestHeld()]).toEqual([]);
      const first = wal.append(record('a', 1));
      const second = wal.append(record('b', 2));
      const third = wal.append(record('a', 3));
      await wal.commit(third);
      const newest = () => Object.fromEntries(wal.newestHeld());
      expect(newest()).toEqual({ a: third, b: second });
      await wal.release('a', first, ulid);
      await wal.release('b', second, ulid);
      expect(newest()).toEqual({ a: third });
      wal.append(record('b', 4));
      expect(newest()).toEqual({ a: third });
    });

    it('names who keeps the oldest room, the largest holder first', async () => {
      expect(wal.pinnedBy()).toEqual([]);
      wal.append(record('small'));
      const last = wal.append({ ...record('large'), body: new Uint8Array(5_000) });
      await wal.commit(last);
      expect(wal.pinnedBy()).toEqual(['large', 'small']);
      await wal.release('large', last, ulid);
      expect(wal.pinnedBy()).toEqual(['small']);
    });

    it('tells what each tenant holds, until it is released', async () => {
      const sent = [record('a', 1), record('b', 2), record('a', 3)];
      const sequences = sent.map((one) => wal.append(one));
      expect(wal.bytesUsedBy('a')).toBe(0);
      await wal.commit(sequences[2] as number);
      const ofB = wal.bytesUsedBy('b');
      expect(ofB).toBeGreaterThanOrEqual(sent[1]?.body.length ?? Number.NaN);
      expect(wal.bytesUsedBy('a')).toBe(2 * ofB);
      expect(wal.bytesUsedBy('nobody')).toBe(0);
      await wal.release('a', sequences[0] as number, ulid);
      expect(wal.bytesUsedBy('a')).toBe(ofB);
      await wal.release('a', sequences[2] as number, ulid);
      expect([wal.bytesUsedBy('a'), wal.bytesUsedBy('b')]).toEqual([0, ofB]);
    });

    it('has no failure and nothing refused while all goes well', async () => {
      await wal.commit(wal.append(record('a')));
      expect(wal.failure()).toBeUndefined();
      expect(wal.refusedUpTo()).toBe(0);
      expect(await wal.tick(1_700_000_000_000)).toBe(Number.POSITIVE_INFINITY);
    });

    it('keeps how a profile was taken', async () => {
      const treatments = [
        plainTreatment,
        { stackDepthMax: 1, symbolBytesMax: 2, labelGroupsMax: 0, foldedLabels: [] },
        { ...plainTreatment, foldedLabels: ['thread', 'é', ''] },
      ];
      const sequences = treatments.map((treatment) => wal.append({ ...record('a'), treatment }));
      await wal.commit(sequences.at(-1) as number);
      const read = await collect(wal.read('a', 0));
      expect(read.map(({ treatment = plainTreatment }) => treatment)).toEqual(treatments);
      expect(read.map(({ labels }) => labels)).toEqual(treatments.map(() => record('a').labels));
    });

    it('keeps unicode labels, odd sizes and an empty body', async () => {
      const sent = [0, 1, 7, 8, 9, 40_000].map((bytes) => ({
        ...record('tenänt-\u{1f525}', bytes),
        labels: [
          { name: 'k', value: '' },
          { name: 'service_name', value: '\u{1f525}é'.repeat(bytes % 50) },
        ],
        body: new Uint8Array(bytes).fill(bytes),
      }));
      const sequences = sent.map((one) => wal.append(one));
      await wal.commit(sequences.at(-1) as number);
      const read = await collect(wal.read('tenänt-\u{1f525}', 0));
      expect(read).toEqual(sent.map((one, at) => ({ ...one, sequence: sequences[at] })));
    });

    it('commits for many who wait at once, in any order', async () => {
      const sequences = Array.from({ length: 50 }, (_, at) => wal.append(record('a', at)));
      await Promise.all(sequences.toReversed().map((sequence) => wal.commit(sequence)));
      expect((await bodies(wal, 'a', 0)).map(([sequence]) => sequence)).toEqual(sequences);
    });

    it('releases a tenant up to a sequence and leaves the others', async () => {
      const first = wal.append(record('a', 1));
      const second = wal.append(record('b', 2));
      const third = wal.append(record('a', 3));
      await wal.commit(third);
      const before = wal.bytesUsed();
      await wal.release('a', second, ulid);
      expect(await bodies(wal, 'a', 0)).toEqual([[third, 3]]);
      expect(await bodies(wal, 'b', 0)).toEqual([[second, 2]]);
      expect(wal.bytesUsed()).toBeLessThan(before);
      await wal.release('a', third, ulid);
      await wal.release('b', third, ulid);
      expect(wal.bytesUsed()).toBe(0);
      expect(first).toBeLessThan(third);
    });

    it('refuses a record beyond its bound, takes nothing, has room after a release', async () => {
      const large = () => ({ ...record('a'), body: new Uint8Array(400_000) });
      wal.append(large());
      const last = wal.append(large());
      const used = wal.bytesUsed();
      const refused = attempt(() => wal.append(large()));
      expect(isFailure(refused, 'unavailable')).toBe(true);
      expect(String(refused)).toContain(`limit ${2 ** 20}`);
      expect(wal.bytesUsed()).toBe(used);
      await wal.commit(last);
      await wal.release('a', last, ulid);
      expect(wal.append(large())).toBe(last + 1);
    });
  });
}

function record(tenant: string, fill = 0): ProfileRecord {
  return {
    tenant,
    receivedMs: 1_700_000_000_000,
    contentKey: new Uint8Array(16).fill(fill),
    labels: [{ name: 'service_name', value: 's' }],
    body: new Uint8Array(100).fill(fill),
  };
}

async function bodies(wal: Wal, tenant: string, from: number): Promise<[number, number][]> {
  const found: [number, number][] = [];
  for await (const { sequence, body } of wal.read(tenant, from)) {
    found.push([sequence, body[0] as number]);
  }
  return found;
}

async function headerCount(wal: Wal): Promise<number> {
  let count = 0;
  for await (const _header of wal.headers()) count++;
  return count;
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
