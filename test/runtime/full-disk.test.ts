// A disk that is really full, under a real server: log and flush meet it, nothing acknowledged is
// lost, and with room the same process goes on by itself. Skipped where no tmpfs can be mounted;
// `test/global-setup.ts` says why.
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadFixture } from '../support/fixtures.ts';
import { push } from '../support/http-push.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';
import { mountSmallDisk, type SmallDisk, smallDiskObstacle } from '../support/small-disk.ts';
import { stamped } from '../support/stamp.ts';
import { storedTimes } from '../support/stored-profiles.ts';

const { packed } = loadFixture('go-cpu');
const diskMebibytes = 14;
const ballastBytes = 8 * 2 ** 20;
/** A profile is 46 KB: as many fill the disk several times. */
const pushesMax = 2_000;
/** Two sample types, one label group. */
const seriesOfOne = 2;
const labels = { __name__: 'process_cpu', service_name: 'shop' };

/** One client that pushes profile after profile. */
class Client {
  readonly acknowledged: bigint[] = [];
  /** 2026: what is of 1970 would be filed under the time of its receipt. */
  #next = 1_767_323_045_000_000_000n;

  /** Pushes until one is refused; answers what it was told. The refused one is pushed next. */
  async untilRefused(server: Server): Promise<string> {
    for (let count = 0; count < pushesMax; count++) {
      const refusal = await this.one(server);
      if (refusal !== undefined) return refusal;
    }
    throw new Error(`${pushesMax} pushes fill no disk`);
  }

  /** Pushes one profile; answers undefined, or why it was refused. */
  async one({ url }: Server): Promise<string | undefined> {
    const response = await push(url, [{ labels, profiles: [stamped(packed, this.#next)] }]);
    const body = await response.text();
    if (response.status !== 200) return `${response.status} ${body}`;
    this.acknowledged.push(this.#next++);
    return undefined;
  }
}

async function answer(server: Server, path: string, method = 'GET'): Promise<string> {
  const response = await fetch(`${server.url}${path}`, { method });
  return `${response.status} ${await response.text()}`;
}

/** Tries again until `isDone` does not answer undefined any more; for 30 s. */
async function eventually<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let count = 0; count < 300; count++) {
    const result = await attempt();
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} does not happen`);
}

const accepts = (client: Client, server: Server) => async () =>
  (await client.one(server)) === undefined ? true : undefined;

async function freeBytes({ path }: SmallDisk): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

describe.skipIf(smallDiskObstacle() !== undefined).each(serverRuntimes)('on %s', (runtime) => {
  it('refuses on a full disk, loses nothing, and goes on with room', {
    timeout: 120_000,
  }, async () => {
    await using disk = mountSmallDisk(diskMebibytes);
    const dataDir = join(disk.path, 'data');
    await disk.fill(ballastBytes);
    const client = new Client();
    {
      await using server = await startServer(runtime, { dataDir });
      expect(await client.untilRefused(server)).toMatch(/^503 .*no space left/i);
      expect(await freeBytes(disk)).toBeLessThan(packed.length * 2);
      expect(client.acknowledged.length).toBeGreaterThan(20);
      expect(await answer(server, '/ready')).toMatch(/^503 .*log: .*no space left/i);
      expect(await answer(server, '/flush', 'POST')).toMatch(/^503 .*no space left/i);
      expect(server.stderr).toContain('flush failed, the head is kept');

      await disk.free();
      await eventually('an acknowledgement', accepts(client, server));
      expect(await answer(server, '/ready')).toMatch(/^200/);
      expect(await answer(server, '/flush', 'POST')).toMatch(/^204/);

      // Again, and this time it dies with records that are in no block.
      await disk.fill(ballastBytes / 2);
      expect(await client.untilRefused(server)).toMatch(/^503 .*no space left/i);
      await server.stop('SIGKILL');
    }
    await disk.free();
    await using server = await startServer(runtime, { dataDir });
    await eventually('an acknowledgement', accepts(client, server));
    expect(await answer(server, '/flush', 'POST')).toMatch(/^204/);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(await storedTimes(join(dataDir, 'tenants/anonymous/local'), seriesOfOne)).toEqual(
      new Map(client.acknowledged.map((time) => [time, 1])),
    );
  });
});
