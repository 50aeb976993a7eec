// The metrics of many objects in the storage of a real one: what is told late, twice or in another
// life counts once.
import { describe, expect, it } from 'vitest';
import { eagerCalls, Reporter, reportIntervalMs } from '../../src/directory/reporter.ts';
import { type Report, type Reported, Reports } from '../../src/directory/reports.ts';
import { createLogger } from '../../src/lib/log.ts';
import type { ObjectStorage } from '../../src/wal/durable-object-table.ts';
import { createRandom } from '../fixtures/random.ts';
import { openObject } from '../support/workers-env.ts';

/** Of two families; the library that writes such a text does not load here. */
const registryText = [
  '# HELP pyroscope_panic_total Bugs.',
  '# TYPE pyroscope_panic_total counter',
  'pyroscope_panic_total 0',
  '',
  '# HELP phlox_retention_local_bytes Bytes.',
  '# TYPE phlox_retention_local_bytes gauge',
  'phlox_retention_local_bytes 0',
  '',
].join('\n');
const open = (storage: ObjectStorage, bounds: { sendersMax?: number } = {}) =>
  new Reports({ storage, registryText, ...bounds });

const report = (sender: string, life: number, sequence: number, count: number): Report => ({
  sender,
  life: `${sender}-${life}`,
  startedMs: life,
  sequence,
  samples: `pyroscope_panic_total ${count}\nphlox_retention_local_bytes ${count}\n`,
});

function read(reports: Reports, nowMs: number) {
  const { text, senderCount } = reports.scrape(nowMs);
  const numberOf = (name: string) => {
    const [, value] = new RegExp(`^${name} (\\d+)$`, 'm').exec(text) ?? [];
    return value === undefined ? undefined : Number(value);
  };
  const panics = numberOf('pyroscope_panic_total');
  return { panics, bytes: numberOf('phlox_retention_local_bytes'), senderCount };
}

describe('reports of metrics', () => {
  it('are added up over objects and their lives, also when opened again', async () => {
    const object = openObject();
    await object(async (storage) => {
      const reports = open(storage);
      expect(reports.take(report('a', 1, 1, 5), 0)).toBe('taken');
      expect(reports.take(report('a', 1, 2, 7), 0)).toBe('taken');
      expect(reports.take(report('b', 1, 1, 100), 0)).toBe('taken');
      expect(reports.take(report('a', 2, 1, 3), 0)).toBe('taken');
    });
    await object(async (storage) => {
      const reports = open(storage);
      expect(read(reports, 0)).toEqual({ panics: 110, bytes: 103, senderCount: 2 });
      reports.take(report('a', 3, 1, 1), 0);
      expect(read(reports, 0).panics).toBe(111);
    });
  });

  it('leave out gauges of objects that nobody has heard of for a while', async () => {
    await openObject()(async (storage) => {
      const reports = open(storage);
      reports.take(report('a', 1, 1, 5), 0);
      reports.take(report('b', 1, 1, 7), 200_000);
      expect(read(reports, 310_000)).toEqual({ panics: 12, bytes: 7, senderCount: 2 });
    });
  });

  it('are of no more objects than there is room for', async () => {
    await openObject()(async (storage) => {
      const reports = open(storage, { sendersMax: 2 });
      expect(reports.take(report('a', 1, 1, 1), 0)).toBe('taken');
      expect(reports.take(report('b', 1, 1, 1), 0)).toBe('taken');
      expect(reports.take(report('c', 1, 1, 1), 0)).toBe('full');
      expect(reports.take(report('a', 2, 1, 1), 0)).toBe('taken');
      expect(read(reports, 0)).toEqual({ panics: 3, bytes: 2, senderCount: 2 });
    });
  });

  const seed = Date.now() % 2 ** 31;
  it(`count everything once however they come (seed ${seed})`, async () => {
    await openObject()(async (storage) => {
      const random = createRandom(seed);
      const reports = open(storage);
      const delayed: Report[] = [];
      const told = new Map<string, number>();
      for (let object = 0; object < 8; object++) {
        for (let life = 1; life <= 6; life++) {
          let count = 0;
          for (let sequence = 1; sequence <= 1 + random.below(5); sequence++) {
            count += random.below(10);
            const one = report(`object ${object}`, life, sequence, count);
            // Some are lost, some come twice, some come late.
            const fate = random.below(6);
            if (fate === 0) continue;
            expect(reports.take(one, 0)).toBe('taken');
            told.set(one.life, count);
            if (fate === 1) expect(reports.take(one, 0)).toBe('known');
            if (fate === 2) delayed.push(one);
            const late = random.below(4) === 0 ? delayed.shift() : undefined;
            if (late !== undefined) expect(reports.take(late, 0)).toBe('known');
          }
        }
      }
      const sum = [...told.values()].reduce((total, count) => total + count, 0);
      expect(read(reports, 0).panics).toBe(sum);
    });
  });
});

describe('an object', () => {
  const second = 1_000;

  /** A reporter of a count that grows with each call, and what it has sent. */
  function counter() {
    const sent: [sequence: number, count: number][] = [];
    const lines: string[] = [];
    const world = { count: 0, isAway: false, sent, lines, onSend: () => Promise.resolve() };
    const reporter = new Reporter({
      sender: 'a',
      life: 'one',
      startedMs: 0,
      metrics: async () => `# HELP x y\n# TYPE x counter\nx ${world.count}\n`,
      send: async ({ sequence, samples }): Promise<Reported> => {
        await world.onSend();
        if (world.isAway) throw new Error('directory is away');
        sent.push([sequence, Number(samples.slice(2))]);
        return 'taken';
      },
      log: createLogger({
        level: 'warn',
        format: 'logfmt',
        nowMs: Date.now,
        sink: (line) => lines.push(line),
      }),
    });
    const call = (nowMs: number) => {
      world.count++;
      return reporter.report(nowMs);
    };
    return { world, call };
  }

  it('reports its first calls, and then now and then, each time all it has counted', async () => {
    const { world, call } = counter();
    for (let at = 0; at < 100; at++) await call(at * second);
    const first = Array.from({ length: eagerCalls }, (_, at) => at + 1);
    const everyMs = reportIntervalMs / second;
    const later = [1, 2, 3].map((nth) => eagerCalls + nth * everyMs);
    expect(world.sent.map(([, count]) => count)).toEqual([...first, ...later]);
    expect(world.sent.map(([sequence]) => sequence)).toEqual(world.sent.map((_, at) => at + 1));
  });

  it('reports calls that come meanwhile together, once, and behind', async () => {
    const { world, call } = counter();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    world.onSend = () => gate;
    const calls = [0, 1, 2, 3].map(() => call(0));
    open();
    await Promise.all(calls);
    expect(world.sent.at(-1)?.[1]).toBe(4);
    expect(world.sent.length).toBeLessThanOrEqual(2);
  });

  it('has the next report tell what one could not', async () => {
    const { world, call } = counter();
    world.isAway = true;
    await call(0);
    world.isAway = false;
    await call(1);
    expect(world.sent).toEqual([[2, 2]]);
    expect(world.lines).toEqual([expect.stringContaining('directory is away')]);
  });
});
