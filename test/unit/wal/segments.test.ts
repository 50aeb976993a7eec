// The durable log on a real disk, against the contract of all logs, with segments and pages so
// small that most records cross them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/node-file-system.ts';
import { walContract } from '../../cases/wal.ts';
import { segmentLog } from '../../support/segment-log.ts';

const folders: string[] = [];

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'phlox-wal-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

walContract('SegmentWal', async (options) => {
  const small = { ...options, segmentBytes: 512 * 1024 };
  return segmentLog(join(await makeFolder(), 'wal'), nodeFileSystem, small).wal;
});

walContract('SegmentWal with small pages', async (options) => {
  const small = { ...options, segmentBytes: 410_000 + 24 * 1_700, pageBytes: 256 };
  return segmentLog(join(await makeFolder(), 'deep', 'wal'), nodeFileSystem, small).wal;
});
