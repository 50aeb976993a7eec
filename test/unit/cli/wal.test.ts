// `phlox wal`: what it says of a log that is open, closed, released, torn and damaged, and that it
// changes nothing.
import { readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { walCommand } from '../../../src/cli/wal.ts';
import { type LogSummary, readLog } from '../../../src/cli/wal-read.ts';
import { createLogger } from '../../../src/lib/log.ts';
import { nodeFileSystem } from '../../../src/runtime/node-file-system.ts';
import { SegmentWal } from '../../../src/wal/segments.ts';
import { patterned } from '../../support/bytes.ts';
import { temporaryFolder } from '../../support/duckdb.ts';
import { indexOffsetOf } from '../../support/log-files.ts';
import { expectPlain, run } from './lines.ts';

const startMs = Date.UTC(2026, 0, 2, 3, 4);
const pageBytes = 512;
const id = '01J00000000000000000000000';

/** A log with small segments: a profile of 400 bytes each, seven or so to a segment. */
async function openWal(folder: string, segmentBytes = 4_096): Promise<SegmentWal> {
  const wal = new SegmentWal({
    folder,
    fileSystem: nodeFileSystem,
    clock: { nowMs: () => startMs, monotonicMs: () => 0 },
    random: () => 0,
    newId: () => id,
    log: createLogger({ level: 'error', format: 'json', nowMs: () => 0, sink: console.error }),
    bytesMax: 1 << 20,
    segmentBytes,
    pageBytes,
    keyWindowMs: 0,
  });
  await wal.start();
  return wal;
}

async function push(wal: SegmentWal, tenant: string, count: number, body = patterned(400)) {
  let sequence = 0;
  for (let i = 0; i < count; i++) {
    const labels = [{ name: 'service_name', value: 'shop' }];
    const contentKey = new Uint8Array(16).fill(i);
    sequence = wal.append({ tenant, receivedMs: startMs + i * 60_000, contentKey, labels, body });
    await wal.commit(sequence);
  }
  return sequence;
}

function summaryOf(folder: string, areBodiesChecked = true): Promise<LogSummary> {
  return readLog({ folder, fileSystem: nodeFileSystem, areBodiesChecked, pageBytes });
}

const segmentFiles = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.endsWith('.wal')).sort();

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] as number) ^ 1;
  await writeFile(path, bytes);
}

/** Where the bodies of a segment begin, roughly: behind what starts it and the first head. */
const insideFirstBody = 400;

describe('the summary of a log', () => {
  it('tells records by segment and tenant, while the log is open', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path);
    await push(wal, 'a', 10);
    await push(wal, 'b', 2);
    const summary = await summaryOf(folder.path);
    expect(summary).toMatchObject({ id, damageCount: 0, damage: [], setAside: [], isCut: false });
    expect(summary.segments.map(({ file }) => file)).toEqual(await segmentFiles(folder.path));
    expect(summary.segments.length).toBeGreaterThan(1);
    const sum = (of: 'profiles' | 'usedBytes') =>
      summary.segments.reduce((total, segment) => total + segment[of], 0);
    expect(sum('profiles')).toBe(12);
    expect(sum('usedBytes')).toBeGreaterThan(12 * 400);
    expect(summary.segments[0]).toMatchObject({ firstMs: startMs, damageCount: 0 });
    expect(summary.tenants).toEqual([
      ['a', expect.objectContaining({ profiles: 10, heldProfiles: 10, oldestHeldMs: startMs })],
      ['b', expect.objectContaining({ profiles: 2, heldProfiles: 2, oldestHeldMs: startMs })],
    ]);
    await wal.close();
    expect(await summaryOf(folder.path)).toMatchObject({
      damageCount: 0,
      tenants: [
        ['a', {}],
        ['b', {}],
      ],
    });
  });

  it('tells what is in a block from what is not', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path, 65_536);
    const upTo = await push(wal, 'a', 3);
    await push(wal, 'b', 4);
    await push(wal, 'a', 2);
    await wal.release('a', upTo, id);
    const { tenants } = await summaryOf(folder.path);
    expect(tenants.map(([name, sums]) => [name, sums.profiles, sums.heldProfiles])).toEqual([
      ['b', 4, 4],
      ['a', 5, 2],
    ]);
    const [b, a] = tenants.map(([, sums]) => sums);
    expect(b?.heldBytes).toBe(b?.bytes);
    expect((a?.heldBytes ?? 0) / (a?.bytes ?? 1)).toBeCloseTo(2 / 5);
    await wal.close();
  });

  it('takes what was torn off at the end for no damage', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path, 65_536);
    await push(wal, 'a', 5);
    const [file = ''] = await segmentFiles(folder.path);
    const path = join(folder.path, file);
    const { segments } = await summaryOf(folder.path);
    // As a power loss leaves it: the last record is cut in its body, and nothing behind it.
    await truncate(path, (segments[0]?.usedBytes ?? 0) - 100);
    const torn = await summaryOf(folder.path);
    expect(torn).toMatchObject({ damageCount: 0, tenants: [['a', { profiles: 4 }]] });
    await wal.close();
  });

  it('names damage, where and of which profile, and counts the rest', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path);
    await push(wal, 'a', 12);
    await wal.close();
    const [file = ''] = await segmentFiles(folder.path);
    const path = join(folder.path, file);
    const whole = await summaryOf(folder.path);
    expect(whole.tenants[0]?.[1].profiles).toBe(12);

    await flip(path, insideFirstBody);
    const broken = await summaryOf(folder.path);
    expect(broken.damage).toEqual([
      expect.objectContaining({ file, sequence: 1, reason: 'body has a wrong checksum' }),
    ]);
    expect(broken.tenants[0]?.[1].profiles).toBe(11);
    expect(broken.segments[0]?.damageCount).toBe(1);
    expect(await summaryOf(folder.path, false)).toMatchObject({ damageCount: 0 });
  });

  it('finds every changed byte of a sealed segment, or what it held unchanged', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path);
    await push(wal, 'a', 12);
    await wal.close();
    const [file = ''] = await segmentFiles(folder.path);
    const path = join(folder.path, file);
    const whole = await summaryOf(folder.path);
    const good = await readFile(path);
    const indexFrom = indexOffsetOf(good, pageBytes) ?? good.length;
    for (let at = 0; at < good.length; at += 37) {
      await flip(path, at);
      const { damageCount, tenants } = await summaryOf(folder.path);
      const isUnchanged = JSON.stringify(tenants) === JSON.stringify(whole.tenants);
      // A page's header only helps readers past damage: what it says is not needed otherwise.
      const isInHeader = at % pageBytes < 24;
      // An index that is wrong is not needed either.
      const isUnneeded = isInHeader || at >= indexFrom;
      expect([at, damageCount > 0 || (isUnchanged && isUnneeded)]).toEqual([at, true]);
      await writeFile(path, good);
    }
  });

  it('tells of segments put aside, of a lost identity, and of a folder without a log', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path);
    await push(wal, 'a', 12);
    await wal.close();
    const [file = ''] = await segmentFiles(folder.path);
    const path = join(folder.path, file);
    const { size } = await stat(path);
    await rename(path, `${path}.corrupt`);
    const { setAside } = await summaryOf(folder.path);
    expect(setAside).toEqual([{ file: `${file}.corrupt`, bytes: size }]);
    await rm(join(folder.path, 'LOG'));
    expect(await summaryOf(folder.path)).toMatchObject({
      id: undefined,
      damage: [{ file: 'LOG', reason: 'the identity of the log is missing or damaged' }],
    });
    await using empty = await temporaryFolder();
    await expect(summaryOf(empty.path)).rejects.toMatchObject({ kind: 'missing' });
  });

  it('finds no damage beside a server that writes, rotates and deletes', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path);
    await push(wal, 'a', 8);
    const state = { isDone: false, readings: 0 };
    const reading = (async () => {
      while (!state.isDone) {
        const { damage, segments } = await summaryOf(folder.path);
        expect(damage).toEqual([]);
        expect(segments.length).toBeGreaterThan(0);
        state.readings += 1;
      }
    })();
    for (let round = 0; round < 40; round++) {
      const upTo = await push(wal, 'a', 5);
      await wal.release('a', upTo, id);
    }
    state.isDone = true;
    await reading;
    expect(state.readings).toBeGreaterThan(3);
    expect(Number.parseInt((await segmentFiles(folder.path))[0] ?? '', 10)).toBeGreaterThan(20);
    await wal.close();
  });

  it('changes no file', async () => {
    await using folder = await temporaryFolder();
    const wal = await openWal(folder.path);
    await push(wal, 'a', 12);
    await wal.close();
    await writeFile(join(folder.path, 'LOG.new'), 'left behind');
    const files = async () => {
      const names = (await readdir(folder.path)).sort();
      return Promise.all(
        names.map(async (name) => {
          const { mtimeMs, size } = await stat(join(folder.path, name));
          return [name, size, mtimeMs];
        }),
      );
    };
    const before = await files();
    await summaryOf(folder.path);
    expect(await files()).toEqual(before);
  });
});

describe('the command', () => {
  it('prints tables of a data folder that fit 80 columns, and answers 0', async () => {
    await using folder = await temporaryFolder();
    const wal = new SegmentWal({
      folder: join(folder.path, 'wal'),
      fileSystem: nodeFileSystem,
      clock: { nowMs: () => startMs, monotonicMs: () => 0 },
      random: () => 0,
      newId: () => id,
      log: createLogger({ level: 'error', format: 'json', nowMs: () => 0, sink: console.error }),
      bytesMax: 1 << 20,
      segmentBytes: 1 << 17,
    });
    await wal.start();
    await push(wal, 'x'.repeat(150), 2);
    for (let n = 0; n < 25; n++) await push(wal, `tenant-${n}`, 1);
    const { code, lines } = await run(walCommand, folder.path);
    expectPlain(lines.slice(1));
    expect(code).toBe(0);
    expect(lines.slice(1, 3)).toEqual([
      'segment          bytes profiles first (UTC)      last (UTC)       damage',
      expect.stringMatching(/^0000000001\.wal +1\d\.\dKiB +27 2026-01-02 03:04 2026-01-02 03:05$/),
    ]);
    expect(lines).toContain('and 6 more tenants: --json has them all');
    const total = lines.slice(lines.lastIndexOf('') + 1).join(' ');
    expect(total).toMatch(
      /^1 segment, .* on disk; 27 profiles, .*; in no block yet 27, .*; no damage$/,
    );
    expect(await run(walCommand, join(folder.path, 'wal'), '--quick')).toEqual({ code, lines });

    await wal.close();
    await flip(join(folder.path, 'wal/0000000001.wal'), insideFirstBody);
    const damaged = await run(walCommand, folder.path);
    expect(damaged.code).toBe(1);
    expect(damaged.lines.join('\n')).toMatch(
      /\n0000000001\.wal at \d+, \d+ bytes, sequence 1: body has a wrong checksum\n/,
    );
    const json = await run(walCommand, folder.path, '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.lines.join())).toMatchObject({ id, damageCount: 1 });
  });

  it('says that there is no log', async () => {
    await using folder = await temporaryFolder();
    expect(await run(walCommand, folder.path)).toEqual({
      code: 1,
      lines: [`folder ${folder.path} holds no log`],
    });
  });
});
