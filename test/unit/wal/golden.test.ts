// Yesterday's log: bytes that were committed once must be read for ever, and today's code must
// still write the same ones.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/node-file-system.ts';
import {
  goldenId,
  goldenVersions,
  recordsOf,
  writeGolden,
  writtenVersion,
} from '../../golden/wal/content.ts';
import { diskOf, readFiles } from '../../support/log-files.ts';
import { segmentLog, storedRecords } from '../../support/segment-log.ts';

const goldenFiles = (version: string) =>
  readFiles(nodeFileSystem, fileURLToPath(new URL(`../../golden/wal/${version}`, import.meta.url)));

it.each(goldenVersions)('reads the golden log of version %s', async (version) => {
  const files = await goldenFiles(version);
  expect([...files.keys()]).toEqual(['0000000002.wal', '0000000003.wal', 'LOG']);
  const { wal, faults } = segmentLog('/wal', await diskOf(files, '/wal'), { segmentBytes: 36_000 });
  await wal.start();
  expect(wal.id).toBe(goldenId);
  const records = recordsOf(version);
  expect(await storedRecords(wal)).toEqual(records.slice(1));
  const keys = [];
  for (const key of wal.recentKeys(0)) keys.push(key);
  keys.sort((a, b) => a.receivedMs - b.receivedMs);
  expect(keys).toEqual(
    records.map(({ tenant, receivedMs, contentKey }) => ({ tenant, receivedMs, contentKey })),
  );
  expect(faults).toEqual([]);
});

it('is what is written today, byte for byte', async () => {
  expect(await writeGolden()).toEqual(await goldenFiles(writtenVersion));
});
