// The README's first push and its look at the block, exactly as printed.
import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { fencedBlocks } from '../support/commands.ts';
import { openDuckdb, temporaryFolder } from '../support/duckdb.ts';
import { startServer } from '../support/servers.ts';

const run = promisify(execFile);

it('pushes, flushes and shows what the README says', async () => {
  const shell = await fencedBlocks('README.md', 'sh');
  const pushing = shell.find((block) => block.includes('PusherService/Push')) as string;
  const listing = shell.find((block) => block.startsWith('ls ')) as string;
  const [sql] = await fencedBlocks('README.md', 'sql');
  const [shown] = await fencedBlocks('README.md', '');

  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'src'));
  await cp(new URL('../../src/sql', import.meta.url), join(folder.path, 'src/sql'), {
    recursive: true,
  });
  await using server = await startServer('bun', { dataDir: join(folder.path, 'data') });
  const printed = await run('sh', ['-ec', pushing.replaceAll('http://127.0.0.1:4040', server.url)]);
  expect(printed.stdout.trim()).toBe('{}');
  expect((await run('sh', ['-ec', listing], { cwd: folder.path })).stdout).toContain('meta.json');

  const [, query] = (sql as string).split('.read src/sql/macros.sql\n');
  const duckdb = await openDuckdb();
  const blocks = `${folder.path}/data/`;
  const rows = await duckdb.rows((query as string).replaceAll("'data/", `'${blocks}`));
  duckdb.close();
  const table = (shown as string).split('\n').filter((line) => line.startsWith('│'));
  const cells = table.slice(1).map((line) => line.split('│').map((cell) => cell.trim()));
  expect(rows.map((row) => [row['function_name'], `${row['self']}`, `${row['total']}`])).toEqual(
    cells.map((line) => line.slice(1, 4)),
  );
});
