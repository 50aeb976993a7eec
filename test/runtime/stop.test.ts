// How a server ends: a signal to whoever started it flushes and ships, and the exit code is true.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { createRandom } from '../fixtures/random.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { pushAccepted } from '../support/http-push.ts';
import { openLimitsPath } from '../support/open-limits.ts';
import { loadSeries, loadTenants, PushLoad } from '../support/push-load.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';
import { storedTimes } from '../support/stored-profiles.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const profiles = [loadFixture('go-cpu').packed];
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Eight clients push for a while, and go on while the server stops. */
async function stopUnderLoad(server: Server): Promise<PushLoad> {
  const load = new PushLoad(createRandom(1));
  load.url = server.url;
  load.start();
  for (let i = 0; i < 200 && load.acknowledgedCount < 100; i++) await sleep(20);
  const before = load.acknowledgedCount;
  const retriesBefore = load.retryCount;
  await server.stop();
  await load.abandon();
  expect(before).toBeGreaterThanOrEqual(100);
  // They met the end: of what they sent some was refused.
  expect(load.retryCount).toBeGreaterThan(retriesBefore);
  return load;
}

/** What is wrong with the local blocks and with those in the bucket. */
async function loadProblems(load: PushLoad, folder: string): Promise<string[]> {
  const problems: string[] = [];
  for (const tenant of loadTenants) {
    for (const blocks of [`data/tenants/${tenant}/local`, `bucket/${tenant}/phlaredb`]) {
      const stored = await storedTimes(join(folder, blocks), loadSeries);
      problems.push(...load.problems(tenant, stored).map((text) => `${blocks}: ${text}`));
    }
  }
  return problems;
}

function lastLine(server: Server): Record<string, unknown> {
  return JSON.parse(server.stderr.trim().split('\n').at(-1) as string);
}

async function metaCount(folder: string): Promise<number> {
  const { objects } = await new FilesystemBucket(folder).list('');
  return objects.filter(({ key }) => key.endsWith('/meta.json')).length;
}

it('passes a SIGTERM from npm on, flushes, ships, and npm exits as the server did', async () => {
  await using data = await temporaryFolder();
  const child = spawn('npm', ['start', '--silent'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'inherit', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PHLOX_LISTEN: '127.0.0.1:0',
      PHLOX_DATA_DIR: join(data.path, 'data'),
      PHLOX_BUCKET: `file://${data.path}/bucket`,
      PHLOX_LIMITS: openLimitsPath,
    },
  });
  started.push(child);
  const lines: string[] = [];
  const address = await new Promise<string>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (line.includes('"listening"')) resolve(JSON.parse(line).address);
    });
  });
  await pushAccepted(address, [{ labels, profiles }]);
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'exit');
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(lines.at(-1)).toContain('"stopped"');
  expect(await metaCount(join(data.path, 'data'))).toBe(1);
  expect(await metaCount(join(data.path, 'bucket'))).toBe(1);
  // The server itself is gone, not only npm.
  await expect(fetch(`${address}/ready`)).rejects.toThrow();
});

describe.each(serverRuntimes)('on %s', (runtime) => {
  it('loses nothing to a SIGTERM under load, ships all of it, and exits with 0', async () => {
    await using data = await temporaryFolder();
    const bucket = join(data.path, 'bucket');
    const env = { PHLOX_MULTITENANCY: 'true', PHLOX_BUCKET: `file://${bucket}` };
    await using server = await startServer(runtime, { dataDir: join(data.path, 'data'), env });
    const load = await stopUnderLoad(server);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(lastLine(server)).toMatchObject({ msg: 'stopped' });
    expect(await loadProblems(load, data.path)).toEqual([]);
  });

  it('exits with 1 when the bucket is down, says what is missing, ships it next time', async () => {
    await using data = await temporaryFolder();
    const dataDir = join(data.path, 'data');
    // Nothing listens on the discard port of the loopback.
    const dead = 's3://bucket/x?endpoint=http%3A%2F%2F127.0.0.1%3A9&path_style=true&region=eu-1';
    const env = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y', PHLOX_MULTITENANCY: 'true' };
    await using server = await startServer(runtime, {
      dataDir,
      env: { ...env, PHLOX_BUCKET: dead },
    });
    const load = await stopUnderLoad(server);
    expect(await server.exited).toEqual({ code: 1, signal: null });
    const last = lastLine(server);
    expect(last).toMatchObject({ level: 'error', msg: 'stopped, not everything is safe' });
    for (const tenant of loadTenants) {
      expect(last['error']).toContain(`tenant ${tenant}: 1 blocks are not in the bucket`);
    }

    const bucket = join(data.path, 'bucket');
    await using next = await startServer(runtime, {
      dataDir,
      env: { PHLOX_MULTITENANCY: 'true', PHLOX_BUCKET: `file://${bucket}` },
    });
    for (let i = 0; i < 200 && (await metaCount(bucket)) < loadTenants.length; i++) await sleep(50);
    expect(await metaCount(bucket)).toBe(loadTenants.length);
    expect(await next.stop()).toEqual({ code: 0, signal: null });
    expect(await loadProblems(load, data.path)).toEqual([]);
  });

  it('refuses a setting it does not know, with exit code 2 and one line', async () => {
    await using data = await temporaryFolder();
    const start = startServer(runtime, { dataDir: data.path, env: { PHLOX_HEAD_AGE: '1h' } });
    await expect(start).rejects.toThrow(
      'phlox: unknown setting PHLOX_HEAD_AGE: did you mean PHLOX_HEAD_AGE_MAX?',
    );
  });
});
