// How fast heads come back from the log: an app over a log of real profiles, from its start to the
// answer of a label call, which waits for the rebuild; beside reading the same log, and beside
// inflating the same bodies. Owns the folder; nothing is flushed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../src/app.ts';
import { resolveSettings } from '../../src/config/settings.ts';
import { gunzip } from '../../src/runtime/gzip.ts';
import { createServerPlatform } from '../../src/runtime/server-platform.ts';
import { fixtureNames } from '../support/fixtures.ts';
import { openLimitsPath } from '../support/open-limits.ts';
import { fillWithProfiles, readLog } from './log-fill.ts';
import { type BenchOptions, interleave, type Row, row } from './measure.ts';

const mib = 2 ** 20;
const inflatedBytesMax = 16 * mib;
const tenant = 'tenant-0';

export async function replayRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const filling = { bytes: (isSmoke ? 1 : 64) * mib, fixtures: fixtureNames, tenants: 1 };
    const { bytes } = await fillWithProfiles(dataDir, filling);
    const bodies: Uint8Array[] = [];
    await readLog(dataDir, tenant, (body) => bodies.push(body));
    const ms = await interleave(isSmoke ? 1 : 5, {
      rebuild: () => rebuild(dataDir),
      read: async () => {
        await readLog(dataDir, tenant, () => undefined);
        return undefined;
      },
      inflate: () => {
        for (const body of bodies) gunzip(body, inflatedBytesMax);
        return undefined;
      },
    });
    const speed = (of: number) => bytes / 1e6 / (of / 1_000);
    return [
      row('heads from the log', speed(ms.rebuild), ' MB/s'),
      row('reading the log', speed(ms.read), ' MB/s'),
      row('heads from the log ÷ gunzip of its bodies', ms.rebuild / ms.inflate, '×'),
    ];
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Milliseconds of the start and the rebuild alone. */
async function rebuild(dataDir: string): Promise<number> {
  const settings = resolveSettings({
    file: {
      dataDir,
      limits: openLimitsPath,
      multitenancy: true,
      logLevel: 'warn',
      headAgeMax: '24h',
      memoryMax: '4GiB',
    },
  });
  const platform = await createServerPlatform(settings, 'bench');
  const app = await createApp(platform, settings);
  const startMs = performance.now();
  await app.start();
  const url = 'http://127.0.0.1:4040/ingester.v1.IngesterService/LabelNames';
  const headers = { 'content-type': 'application/json', 'x-scope-orgid': tenant };
  const response = await app.fetch(new Request(url, { method: 'POST', headers, body: '{}' }));
  const text = await response.text();
  const ms = performance.now() - startMs;
  if (!text.includes('service_name')) throw new Error(`no labels came back: ${text}`);
  // A stop would flush; without one, only the log holds files.
  await platform.wal.close();
  return ms;
}
