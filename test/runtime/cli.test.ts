// The commands for operators as they are typed, on both runtimes: output, exit codes, and what they
// find in the data folder of a server that runs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { pushAccepted } from '../support/http-push.ts';
import { phlox } from '../support/phlox-command.ts';
import { type S3Server, s3Credentials, startS3Server } from '../support/s3-server.ts';
import { type ServerRuntime, serverRuntimes, startServer } from '../support/servers.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const golden = join(repository, 'test/golden/block');
const goldenUlid = '01J0GMDEN00000000000000000';

function expectNarrow(text: string): void {
  expect(text.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server('blocks', 'checked');
});
afterAll(() => server.close());

const s3Env = {
  AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
};
const s3Url = (bucket: string) => `s3://${bucket}/p?endpoint=${server.endpoint}&path_style=true`;

describe.each(serverRuntimes)('phlox on %s', (runtime) => {
  it('prints help for itself and each command, 80 columns wide, and its version', async () => {
    const { code, stdout } = await phlox(runtime, ['--help']);
    expect(code).toBe(0);
    expectNarrow(stdout);
    for (const verb of ['inspect', 'verify', 'wal', 'keys', 'check-bucket']) {
      expect(stdout).toContain(`\n  ${verb} `);
      const help = await phlox(runtime, [verb, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toMatch(new RegExp(`^usage: phlox ${verb} `));
      expectNarrow(help.stdout);
      expect(await phlox(runtime, ['help', verb])).toEqual(help);
    }
    expect((await phlox(runtime, ['version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['inpect'], 2, 'phlox: unknown command "inpect": did you mean inspect?'],
    [['verify', '--jsno'], 2, 'phlox: unknown flag --jsno: known are --help -h --config'],
    [['inspect', '--jsno'], 2, 'phlox: unknown flag --jsno: did you mean --json?'],
    [['inspect', 'a', 'b'], 2, 'phlox: inspect takes at most 1 argument, got "b" too'],
    [['verify', 's3://x'], 2, 'phlox: bucket name "x" is not valid: '],
    [['wal', '--quik'], 2, 'phlox: unknown flag --quik: did you mean --quick?'],
    [['wal', 'test'], 1, `phlox: folder ${repository}test holds no log`],
    [['check-bucket'], 2, 'phlox: no bucket is named: '],
    [['serve', '--lissten', 'x'], 2, 'phlox: unknown setting --lissten: did you mean --listen?'],
    [['inspect', 'not-there'], 1, `phlox: folder ${repository}not-there does not exist`],
    [['verify', 'package.json'], 1, `phlox: ${repository}package.json is not a folder`],
  ])('refuses %j in one line', async (args, code, message) => {
    const ended = await phlox(runtime, args);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  });

  it('inspects and verifies the blocks of a folder', async () => {
    await using folder = await temporaryFolder();
    const block = join(folder.path, goldenUlid);
    await cp(join(golden, goldenUlid), block, { recursive: true });
    const shown = await phlox(runtime, ['inspect', folder.path]);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toContain(`\n${goldenUlid} 2023-11-14 22:13   20s     4       12      55`);
    const lines = (await phlox(runtime, ['inspect', block, '--json'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).meta.ulid)).toEqual([goldenUlid]);

    const verify = () => phlox(runtime, ['verify', '.'], {}, folder.path);
    expect(await verify()).toMatchObject({ code: 0, stdout: '1 block, 17.7KiB read: all whole\n' });
    await rm(join(block, 'series.parquet'));
    await writeFile(join(block, 'totals.parquet'), 'PAR1');
    expect(await verify()).toEqual({
      code: 1,
      stdout:
        `anonymous ${goldenUlid} series.parquet is missing\n` +
        `anonymous ${goldenUlid} totals.parquet is 4 bytes, meta.json says 1630\n` +
        '1 block, 13.7KiB read: 1 damaged\n',
      stderr: '',
    });
  });

  it('prints all of a long listing into a pipe', async () => {
    await using folder = await temporaryFolder();
    const count = 300;
    for (let n = 0; n < count; n++) {
      const block = join(folder.path, `01J0GMDEN0${n.toString().padStart(16, '0')}`);
      await mkdir(block);
      await writeFile(join(block, 'meta.json'), '{"version":9}');
    }
    const { code, stdout } = await phlox(runtime, ['inspect', '--json', folder.path]);
    expect(code).toBe(1);
    const kinds = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toEqual([...Array<string>(count).fill('damaged'), 'folder', 'total']);
  });

  it('checks a bucket on S3 and one on disk, and leaves them empty', async () => {
    await using folder = await temporaryFolder();
    const disk = await phlox(runtime, ['check-bucket', `file://${folder.path}/bucket`]);
    expect(disk).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(join(folder.path, 'bucket'))).toEqual([]);
    const s3 = await phlox(runtime, ['check-bucket', s3Url('checked')], s3Env);
    expect(s3).toMatchObject({ code: 0, stderr: '' });
    for (const { stdout } of [disk, s3]) {
      expectNarrow(stdout);
      expect(stdout).toContain('\nmultipart upload      needed ');
      expect(stdout).toMatch(/\nall that phlox needs works\n$/);
    }
    const left = await phlox(runtime, ['inspect', s3Url('checked')], s3Env);
    expect(left.stdout).toBe('no blocks in s3://checked/p\n');
    expect(await server.unfinishedUploads()).toEqual([]);
  });

  it('tells why a bucket does not work', async () => {
    const { code, stdout } = await phlox(runtime, ['check-bucket', s3Url('not-made')], s3Env);
    expect(code).toBe(1);
    expectNarrow(stdout);
    expect(stdout).toMatch(/\nput +needed +\d+ .*NoSuchBucket/);
    expect(stdout).toMatch(/\nphlox does not work with this bucket: it fails at put, /);
  });
});

describe('two processes over one data folder', () => {
  // What a server does at its start, without the rest of it.
  const script = `
    import { lockDataFolder } from ${JSON.stringify(join(repository, 'src/runtime/lock.ts'))};
    try {
      await lockDataFolder(process.argv[2]);
      console.log('taken');
      setInterval(() => undefined, 1_000);
    } catch (error) {
      console.log(error.message);
    }`;

  async function start(runtime: ServerRuntime, folder: string) {
    const file = join(folder, 'lock.mjs');
    await writeFile(file, script);
    const command = join(repository, 'node_modules/.bin', runtime);
    const flags = runtime === 'deno' ? ['run', '-A', '--config', 'deno.json'] : [];
    const args = [...flags, file, join(folder, 'data')];
    const child = spawn(command, args, { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout })) return { child, line };
    throw new Error(`${runtime} ended without a word`);
  }

  it.each([
    ['bun', 'deno'],
    ['deno', 'bun'],
  ] as const)('%s keeps %s out until it is killed', async (first, second) => {
    await using folder = await temporaryFolder();
    const holder = await start(first, folder.path);
    expect(holder.line).toBe('taken');
    const refused = await start(second, folder.path);
    expect(refused.line).toContain('/data is in use by pid ');
    const gone = once(holder.child, 'exit');
    holder.child.kill('SIGKILL');
    await gone;
    expect((await start(second, folder.path)).line).toBe('taken');
  });
});

describe('beside a server', () => {
  it('finds its blocks whole, on its disk and in its bucket, and asks both', async () => {
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, 'data');
    const env = { ...s3Env, PHLOX_BUCKET: s3Url('blocks') };
    await using running = await startServer('bun', { dataDir, env });
    const labels = { __name__: 'process_cpu', service_name: 'shop' };
    await pushAccepted(running.url, [{ labels, profiles: [loadFixture('go-cpu').packed] }]);
    const flushed = await fetch(`${running.url}/flush`, { method: 'POST' });
    expect(flushed.status).toBe(204);

    const settings = { PHLOX_DATA_DIR: dataDir, ...env };
    for (const runtime of serverRuntimes) {
      const local = await phlox(runtime, ['inspect'], settings);
      expect(local.stdout).toMatch(/^tenant anonymous in tenants\/anonymous\/local\/\n/);
      expect(local.stdout).toContain(
        '\nshop                process_cpu:cpu:nanoseconds:cpu:nanose',
      );
      expect(await phlox(runtime, ['verify'], settings)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^1 block, .* read: all whole\n$/),
      });
    }
    await running.stop();
    expect(await phlox('deno', ['verify', s3Url('blocks')], s3Env)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 block, .* read: all whole\n$/),
    });
    for (const runtime of serverRuntimes) {
      const top = ['top', '{service_name="shop"}', '--from', 'now-20y'];
      const [shipped, kept] = [
        await phlox(runtime, [...top, s3Url('blocks')], s3Env),
        await phlox(runtime, [...top, dataDir]),
      ];
      expect(shipped).toMatchObject({ code: 0, stderr: '' });
      expect(shipped.stdout).toContain('runtime.');
      expect(kept).toEqual(shipped);
    }
  });
});
