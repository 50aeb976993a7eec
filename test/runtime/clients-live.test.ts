// The SDKs of Go, Python and Rust profile busy programs here and now, and the Collector exports,
// against real servers with basic credentials, where `PHLOX_TEST_CLIENTS` names the folder in which
// `test/clients/make.sh` built them. Elsewhere their captures are all that is sent:
// `clients.test.ts`.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { formatKeys } from '../../src/auth/keys.ts';
import { around, assertFound, clients } from '../support/client-answers.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { newKey } from '../support/keys.ts';
import { serverRuntimes, startServer } from '../support/servers.ts';

const place = process.env['PHLOX_TEST_CLIENTS'];

/** What runs a program that `make.sh` built. */
const commands: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  go: ['go/busy'],
  python: ['python/venv/bin/python', 'python/busy.py'],
  rust: ['rust/target/release/busy'],
  collector: ['collector/busy'],
};

const team = newKey('team-live', 'push', 'query');

describe.skipIf(place === undefined).each(serverRuntimes)('on %s', (runtime) => {
  it.each(clients)(
    '$client is heard as it profiles',
    async (expected) => {
      await using folder = await temporaryFolder();
      const keys = join(folder.path, 'keys.json');
      await writeFile(keys, formatKeys([team.entry]));
      const dataDir = join(folder.path, 'data');
      await using server = await startServer(runtime, { dataDir, env: { PHLOX_KEYS: keys } });
      const [command, ...args] = (commands[expected.client] ?? []).map((one) =>
        join(place ?? '', one),
      );
      const credentials = { PHLOX_USER: 'team-live', PHLOX_PASSWORD: team.key };
      const env = { PATH: process.env['PATH'], PHLOX_URL: server.url, ...credentials };
      await promisify(execFile)(command ?? '', args, { env });
      const times = around(Date.now(), 3_600_000);
      // A program that gets little time of a busy machine keeps little.
      await assertFound(expected, server.url, times, team.bearer, 0.01);
      expect(server.stderr).not.toContain(team.key.slice(6));
    },
    60_000,
  );
});
