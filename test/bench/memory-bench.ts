// Whether memory stays: a thousand tenants push and are flushed, three times over, in one process.
// Owns the app it runs; the local bucket is a temporary folder, the log is in memory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import type { App } from '../../src/app.ts';
import { createApp } from '../../src/app.ts';
import { resolveSettings } from '../../src/config/settings.ts';
import { createServerPlatform } from '../../src/runtime/server-platform.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { type FixtureName, loadFixture } from '../support/fixtures.ts';
import { openLimitsPath } from '../support/open-limits.ts';
import { type BenchOptions, type Row, row } from './measure.ts';
import { requestBody } from './push-body.ts';

const mib = 2 ** 20;
const rotations = 3;
/** Tenants differ in size, as they do. */
const fixtures: readonly FixtureName[] = ['go-heap-2', 'go-cpu', 'python-wall', 'go-goroutine'];
const tenantsPerTick = 50;
/** Lets collectors that run on a timer do so before the memory is read. */
const settleMs = 2_000;

export async function memoryRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  const tenants = isSmoke ? 4 : 1_000;
  const dataDir = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  try {
    const app = await start(dataDir);
    const after: number[] = [];
    for (let rotation = 0; rotation < rotations; rotation++) {
      await rotate(app, tenants, rotation);
      await wait(isSmoke ? 0 : settleMs);
      after.push(process.memoryUsage.rss() / mib);
    }
    await app.stop();
    const [, second = 0, third = 0] = after;
    const name = `${tenants} tenants, memory after rotation 3`;
    return [row(`${name} ÷ after 2`, third / second, '×', '≤ 1.05'), row(name, third, ' MiB')];
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function start(dataDir: string): Promise<App> {
  const settings = resolveSettings({
    file: {
      dataDir,
      limits: openLimitsPath,
      multitenancy: true,
      logLevel: 'warn',
      headAgeMax: '24h',
    },
  });
  const platform = await createServerPlatform(settings, 'bench');
  const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: settings.logBytesMax });
  const app = await createApp({ ...platform, wal }, settings);
  await app.start();
  return app;
}

async function rotate(app: App, tenants: number, rotation: number): Promise<void> {
  for (let index = 0; index < tenants; index++) {
    const name = fixtures[index % fixtures.length] ?? 'go-cpu';
    const labels = { __name__: 'bench', service_name: `service-${index}` };
    const body = requestBody(loadFixture(name).plain, labels);
    body.stamp(BigInt(Date.now()) * 1_000_000n + BigInt(rotation));
    const headers = { 'content-type': 'application/proto', 'x-scope-orgid': `tenant-${index}` };
    await post(app, '/push.v1.PusherService/Push', headers, body.bytes);
    if (index % tenantsPerTick === 0) await app.tick(Date.now());
  }
  // Without keys, anybody flushes all tenants.
  await post(app, '/flush', {});
}

async function post(
  app: App,
  path: string,
  headers: Record<string, string>,
  body?: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const init = { method: 'POST', headers, ...(body ? { body } : {}) };
  const response = await app.fetch(new Request(`http://127.0.0.1:4040${path}`, init));
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
}
