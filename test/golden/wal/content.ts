// What the golden log holds, and how it comes to hold it: for the generator and for the test.
import { plainTreatment, type Treatment } from '../../../src/model/treatment.ts';
import { readFiles, type LogFiles } from '../../support/log-files.ts';
import { ModelDisk } from '../../support/model-disk.ts';
import { segmentLog, store, testNowMs } from '../../support/segment-log.ts';
import type { StoredRecord } from '../../../src/wal/wal.ts';

/** A folder for each change of the format; all of them stay, the last one is what is written. */
export const goldenVersions = ['1', '1.1', '1.2'] as const;
export const writtenVersion = '1.2';
export const goldenId = '01J0GMDEN00000000000000000';
export const goldenBlock = '01J0GMDEN0000000000000000B';

function golden(sequence: number, tenant: string, bytes: number): StoredRecord {
  return {
    sequence,
    tenant,
    receivedMs: testNowMs + sequence,
    contentKey: Uint8Array.from({ length: 16 }, (_, at) => sequence * 16 + at),
    labels: [
      { name: '__name__', value: 'process_cpu' },
      { name: 'service_name', value: `shop-é-${sequence}` },
    ],
    body: Uint8Array.from({ length: bytes }, (_, at) => (at + sequence) % 251),
  };
}

/** The first is in a block and its segment gone: only its key is left. */
const goldenRecords = [
  golden(1, 'a', 35_500),
  golden(2, 'a', 500),
  golden(3, 'tenant-ü', 34_000),
  golden(4, 'tenant-ü', 800),
  golden(5, 'a', 0),
];

/** From 1.2 on records say how a profile was taken, when that is not the plain way. */
const treatments: Readonly<Record<number, Treatment>> = {
  2: { stackDepthMax: 10, symbolBytesMax: 70_000, labelGroupsMax: 500, foldedLabels: ['tid', 'é'] },
  3: { ...plainTreatment, labelGroupsMax: 0 },
};

/** What the log of a version holds. */
export function recordsOf(version: (typeof goldenVersions)[number]): StoredRecord[] {
  if (version !== '1.2') return goldenRecords;
  return goldenRecords.map((record) => ({ ...record, treatment: treatments[record.sequence] }));
}

/** The files that today's code makes of it. */
export async function writeGolden(): Promise<LogFiles> {
  const disk = new ModelDisk();
  const { wal } = segmentLog('/wal', disk, { segmentBytes: 36_000, newId: () => goldenId });
  await wal.start();
  for (const record of recordsOf(writtenVersion)) {
    await store(wal, record);
    if (record.sequence === 2) await wal.release('a', 1, goldenBlock);
  }
  await wal.close();
  const files = new Map(await readFiles(disk, '/wal'));
  files.delete('spare');
  return files;
}
