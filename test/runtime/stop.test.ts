// How a server ends: a signal to whoever started it flushes and ships, and the exit code is true.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { pushAccepted } from '../support/http-push.ts';
import { serverRuntimes, startServer } from '../support/servers.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const profiles = [loadFixture('go-cpu').packed];
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

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
  it('exits with 1 when the bucket is down, says what is missing, ships it next time', async () => {
    await using data = await temporaryFolder();
    const dataDir = join(data.path, 'data');
    // Nothing listens on the discard port of the loopback.
    const dead = 's3://bucket/x?endpoint=http%3A%2F%2F127.0.0.1%3A9&path_style=true&region=eu-1';
    const env = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' };
    await using server = await startServer(runtime, {
      dataDir,
      env: { ...env, PHLOX_BUCKET: dead },
    });
    await pushAccepted(server.url, [{ labels, profiles }]);
    expect(await server.stop()).toEqual({ code: 1, signal: null });
    const last = JSON.parse(server.stderr.trim().split('\n').at(-1) as string);
    expect(last).toMatchObject({ level: 'error', msg: 'stopped, not everything is safe' });
    expect(last.error).toContain('1 blocks are not in the bucket');

    const bucket = join(data.path, 'bucket');
    await using next = await startServer(runtime, {
      dataDir,
      env: { PHLOX_BUCKET: `file://${bucket}` },
    });
    for (let i = 0; i < 100 && (await metaCount(bucket)) === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await metaCount(bucket)).toBe(1);
    expect(await next.stop()).toEqual({ code: 0, signal: null });
  });

  it('refuses a setting it does not know, with exit code 2 and one line', async () => {
    await using data = await temporaryFolder();
    const start = startServer(runtime, { dataDir: data.path, env: { PHLOX_HEAD_AGE: '1h' } });
    await expect(start).rejects.toThrow(
      'phlox: unknown setting PHLOX_HEAD_AGE: did you mean PHLOX_HEAD_AGE_MAX?',
    );
  });
});
