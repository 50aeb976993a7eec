// What the golden log holds, and how it comes to hold it: for the generator and for the test.
import { readFiles, type LogFiles } from '../../support/log-files.ts';
import { ModelDisk } from '../../support/model-disk.ts';
import { segmentLog, store, testNowMs } from '../../support/segment-log.ts';
import type { StoredRecord } from '../../../src/wal/wal.ts';

/** A folder for each change of the format; all of them stay, the last one is what is written. */
export const goldenVersions = ['1', '1.1'] as const;
export const writtenVersion = '1.1';
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
export const goldenRecords = [
  golden(1, 'a', 35_500),
  golden(2, 'a', 500),
  golden(3, 'tenant-ü', 34_000),
  golden(4, 'tenant-ü', 800),
  golden(5, 'a', 0),
];

/** The files that today's code makes of it. */
export async function writeGolden(): Promise<LogFiles> {
  const disk = new ModelDisk();
  const { wal } = segmentLog('/wal', disk, { segmentBytes: 36_000, newId: () => goldenId });
  await wal.start();
  for (const record of goldenRecords) {
    await store(wal, record);
    if (record.sequence === 2) await wal.release('a', 1, goldenBlock);
  }
  await wal.close();
  const files = new Map(await readFiles(disk, '/wal'));
  files.delete('spare');
  return files;
}
