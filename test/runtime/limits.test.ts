// The limits file under a real server: on its disk, watched by its ticks.
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../support/app.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { push } from '../support/http-push.ts';
import { labels, small } from '../support/limited-app.ts';
import { serverRuntimes, startServer } from '../support/servers.ts';

describe.each(serverRuntimes)('the limits file on %s', (runtime) => {
  it('keeps a server from starting when it is bad', async () => {
    await using folder = await temporaryFolder();
    const PHLOX_LIMITS = join(folder.path, 'limits.json');
    await writeFile(PHLOX_LIMITS, '{"defaults":{"samplesMx":1}}');
    const starting = startServer(runtime, { dataDir: folder.path, env: { PHLOX_LIMITS } });
    await expect(starting).rejects.toThrow(
      `limits file ${PHLOX_LIMITS}: unknown name defaults.samplesMx: did you mean samplesMax?`,
    );
  });

  it('is in force soon after it was replaced or written over, unless it is bad', async () => {
    await using folder = await temporaryFolder();
    const PHLOX_LIMITS = join(folder.path, 'limits.json');
    const dataDir = join(folder.path, 'data');
    await writeFile(PHLOX_LIMITS, '{}');
    await using server = await startServer(runtime, { dataDir, env: { PHLOX_LIMITS } });
    const answer = async () => {
      const response = await push(server.url, [{ labels, profiles: [small] }]);
      return `${response.status} ${await response.text()}`;
    };
    expect(await answer()).toMatch(/^200 /);
    await writeFile(`${PHLOX_LIMITS}.new`, '{"defaults":{"profileBytesMax":9}}');
    await rename(`${PHLOX_LIMITS}.new`, PHLOX_LIMITS);
    await until(async () => /^400 .*limit 9 \(profileBytesMax\)/.test(await answer()));
    await writeFile(PHLOX_LIMITS, '{"defaults":');
    await until(() => server.stderr.includes('file cannot be used'));
    expect(await answer()).toMatch(/^400 .*limit 9 /);
    await writeFile(PHLOX_LIMITS, '{"defaults":{"profileBytesMax":8}}');
    await until(async () => /^400 .*limit 8 /.test(await answer()));
  });
});
