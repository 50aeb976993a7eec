// A log full of real profiles, as a server leaves it that died: what the benches of a start and of
// a rebuild begin with. Owns the records; the log is a server's own.
import { join } from 'node:path';
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts';
import type { SegmentWal } from '../../src/wal/segments.ts';
import { createRandom } from '../fixtures/random.ts';
import { type FixtureName, loadFixture } from '../support/fixtures.ts';
import { segmentLog } from '../support/segment-log.ts';
import { profileBody } from './push-body.ts';

/** Profiles of five kilobytes on average. */
export const smallFixtures: readonly FixtureName[] = [
  'go-block',
  'jvm-alloc',
  'node-heap',
  'node-wall',
];
/** One fsync for so many. */
const commitEvery = 128;

export interface FillOptions {
  /** Of bodies, together. */
  bytes: number;
  fixtures: readonly FixtureName[];
  /** `tenant-0` and so on, in turn. */
  tenants: number;
}

/** Fills the log of an empty data folder; answers how many records and bytes of bodies it holds. */
export async function fillWithProfiles(
  dataDir: string,
  { bytes, fixtures, tenants }: FillOptions,
): Promise<{ records: number; bytes: number }> {
  const wal = await openLog(dataDir);
  const random = createRandom(1);
  const bodies = fixtures.map((name) => profileBody(loadFixture(name).plain));
  const firstNs = BigInt(Date.now()) * 1_000_000n;
  let [records, filled] = [0, 0];
  let last = 0;
  while (filled < bytes) {
    const body = bodies[records % bodies.length] as (typeof bodies)[number];
    body.stamp(firstNs + BigInt(records));
    last = wal.append({
      tenant: `tenant-${records % tenants}`,
      receivedMs: Date.now(),
      contentKey: Uint8Array.from({ length: 16 }, () => random.below(256)),
      labels: [
        { name: '__name__', value: 'bench' },
        { name: 'namespace', value: 'default' },
        { name: 'pod', value: `pod-${records % 20}` },
        { name: 'service_name', value: 'bench' },
      ],
      body: body.bytes,
    });
    filled += body.bytes.length;
    records++;
    if (records % commitEvery === 0) await wal.commit(last);
  }
  await wal.commit(last);
  await wal.close();
  return { records, bytes: filled };
}

/** Calls `visit` with the body of each record of the tenant. */
export async function readLog(
  dataDir: string,
  tenant: string,
  visit: (body: Uint8Array) => void,
): Promise<void> {
  const wal = await openLog(dataDir);
  for await (const { body } of wal.read(tenant, 0)) visit(body);
  await wal.close();
}

async function openLog(dataDir: string): Promise<SegmentWal> {
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const options = { bytesMax: 8 * 2 ** 30, clock };
  const { wal } = segmentLog(join(dataDir, 'wal'), nodeFileSystem, options);
  await wal.start();
  return wal;
}
