// What every log driver must do. `walContract(name, open)` runs the suite against one of them.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { ProfileRecord, Wal } from '../../src/wal/wal.ts';

export interface OpenWalOptions {
  bytesMax: number;
}

/** `open` makes a fresh, empty log that is not started. */
export function walContract(name: string, open: (options: OpenWalOptions) => Promise<Wal>): void {
  describe(`${name} as a log`, () => {
    let wal: Wal;

    beforeEach(async () => {
      wal = await open({ bytesMax: 2 ** 20 });
      await wal.start();
    });

    afterEach(() => wal.close());

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

    it('releases a tenant up to a sequence and leaves the others', async () => {
      const first = wal.append(record('a', 1));
      const second = wal.append(record('b', 2));
      const third = wal.append(record('a', 3));
      await wal.commit(third);
      const before = wal.bytesUsed();
      await wal.release('a', second, '01J00000000000000000000000');
      expect(await bodies(wal, 'a', 0)).toEqual([[third, 3]]);
      expect(await bodies(wal, 'b', 0)).toEqual([[second, 2]]);
      expect(wal.bytesUsed()).toBeLessThan(before);
      await wal.release('a', third, '01J00000000000000000000000');
      await wal.release('b', third, '01J00000000000000000000000');
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
      await wal.release('a', last, '01J00000000000000000000000');
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

function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
