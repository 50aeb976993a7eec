// The metrics of many objects in the storage of a real one: what is told late, twice or in another
// life counts once.
import { describe, expect, it } from 'vitest';
import { Reporter, reportIntervalMs } from '../../src/directory/reporter.ts';
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
            if (reports.take(one, 0) === 'taken') told.set(one.life, count);
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
  it('reports at once, then now and then, each time all it has counted', async () => {
    const sent: Report[] = [];
    let isAway = false;
    let count = 0;
    const lines: string[] = [];
    const sink = (line: string) => lines.push(line);
    const reporter = new Reporter({
      sender: 'a',
      life: 'one',
      startedMs: 0,
      metrics: async () => `# HELP x y\n# TYPE x counter\nx ${++count}\n`,
      send: async (one): Promise<Reported> => {
        if (isAway) throw new Error('directory is away');
        sent.push(one);
        return 'taken';
      },
      log: createLogger({ level: 'warn', format: 'logfmt', nowMs: Date.now, sink }),
    });
    await reporter.report(0);
    await reporter.report(reportIntervalMs - 1);
    isAway = true;
    await reporter.report(reportIntervalMs);
    isAway = false;
    await reporter.report(reportIntervalMs + 1);
    await reporter.report(2 * reportIntervalMs);
    expect(sent.map(({ sequence, samples }) => [sequence, samples])).toEqual([
      [1, 'x 1\n'],
      [3, 'x 3\n'],
    ]);
    expect(lines).toEqual([expect.stringContaining('directory is away')]);
  });
});
