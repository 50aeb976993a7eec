// `phlox keys`: what it prints, what it leaves in the file, and what it refuses.
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKeyShaped, parseKeys } from '../../../src/auth/keys.ts';
import { runCommand } from '../../../src/cli/command.ts';
import { keysCommand } from '../../../src/cli/keys.ts';
import { messageOf } from '../../../src/errors.ts';
import { temporaryFolder } from '../../support/duckdb.ts';
import { digestOf, newKey } from '../../support/keys.ts';
import { expectPlain, linesOutput } from './lines.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'keys.json');
});
afterEach(() => folder[Symbol.asyncDispose]());

async function keys(...args: string[]) {
  const output = linesOutput();
  const all = [...args, '--file', file];
  try {
    const code = await runCommand('keys', keysCommand, all, output);
    return { code, ...output, error: '' };
  } catch (error) {
    return { code: -1, ...output, error: messageOf(error) };
  }
}

const stored = async () => parseKeys(await readFile(file, 'utf8'));

describe('keys add', () => {
  it('prints a key alone and leaves its digest in a file for its owner', async () => {
    const { code, lines, problems } = await keys('add');
    expect([code, lines.length, problems.length]).toEqual([0, 1, 1]);
    const [key = ''] = lines;
    expect(isKeyShaped(key)).toBe(true);
    expect(await stored()).toEqual([
      { sha256: digestOf(key), tenant: 'anonymous', scopes: ['push'] },
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = (await readFile(file, 'utf8')) + problems.join();
    expect(text).not.toContain(key.slice(6));
    expect(await readdir(folder.path)).toEqual(['keys.json']);
  });

  it('adds to those that are there, and makes no key twice', async () => {
    const made = [
      await keys('add', '--tenant', 'team', '--scopes', 'admin,query', '--name', 'me'),
      await keys('add', '--tenant', '*', '--scopes', 'push'),
    ].map(({ lines }) => lines[0] ?? '');
    expect(new Set(made).size).toBe(2);
    expect(await stored()).toEqual([
      { sha256: digestOf(made[0] ?? ''), tenant: 'team', scopes: ['query', 'admin'], name: 'me' },
      { sha256: digestOf(made[1] ?? ''), tenant: '*', scopes: ['push'] },
    ]);
  });

  it('keeps the mode of the file, and a link to it', async () => {
    const behind = join(folder.path, 'behind.json');
    await writeFile(behind, '[]');
    await chmod(behind, 0o640);
    await symlink(behind, file);
    await keys('add');
    expect(parseKeys(await readFile(behind, 'utf8'))).toHaveLength(1);
    expect((await stat(behind)).mode & 0o777).toBe(0o640);
    expect((await readdir(folder.path)).sort()).toEqual(['behind.json', 'keys.json']);
  });

  it('loses none of many that are added at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => keys('add')));
    const printed = all.flatMap(({ lines }) => lines).map(digestOf);
    expect((await stored()).map(({ sha256 }) => sha256).sort()).toEqual(printed.sort());
    for (const { code, error } of all) {
      if (code !== 0) expect(error).toMatch(/keys\.json\.new is there: the keys are being edited/);
    }
    expect(printed.length).toBeGreaterThan(0);
  });

  it.each([
    [['--tenant', 'a/b'], /not supported/],
    [['--tenant', 'a|b'], /not supported/],
    [['--scopes', 'push,all'], /^scope "all" is not one of push query admin$/],
    [['--scopes', ''], /^scope "" is not one of/],
    [['--name', ''], /^--name is not 1 to 100 plain characters$/],
    [['--name', 'a\nb'], /^--name is not/],
    [['--name', newKey('a', 'push').key], /^--name is not/],
    [['word'], /^keys add takes no argument$/],
  ])('refuses %j and makes nothing', async (args, message) => {
    const { code, lines, error } = await keys('add', ...args);
    expect([code, lines]).toEqual([-1, []]);
    expect(error).toMatch(message);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('refuses a second key of a name, and a file that is no list of keys', async () => {
    await keys('add', '--name', 'me');
    expect((await keys('add', '--name', 'me')).error).toBe('there is a key with the name "me"');
    expect(await stored()).toHaveLength(1);
    await writeFile(file, '{"secret":1}');
    expect((await keys('add')).error).toBe(`keys file ${file}: keys are not a json list`);
    expect(await readFile(file, 'utf8')).toBe('{"secret":1}');
    expect(await readdir(folder.path)).toEqual(['keys.json']);
  });
});

describe('keys list', () => {
  it('shows whose keys there are, and nothing that opens a door', async () => {
    const made = await keys('add', '--tenant', '*', '--scopes', 'push,query', '--name', 'agent');
    const key = made.lines[0] ?? '';
    for (const args of [[], ['list']]) {
      const { code, lines } = await keys(...args);
      expect(code).toBe(0);
      expectPlain(lines);
      expect(lines[1]).toBe(
        `${digestOf(key).slice(0, 12)} * (all)              push,query       agent`,
      );
    }
    const json = await keys('--json');
    expect(JSON.parse(json.lines.join(''))).toEqual({
      keys: [
        { id: digestOf(key).slice(0, 12), tenant: '*', scopes: ['push', 'query'], name: 'agent' },
      ],
    });
    expect(json.lines.join()).not.toContain(digestOf(key).slice(0, 13));
  });

  it('says when there is no file', async () => {
    expect((await keys()).error).toMatch(/^keys file .*keys\.json: ENOENT/);
  });
});

describe('keys revoke', () => {
  it('takes one out by name or id, and leaves a list without keys at last', async () => {
    const byName = await keys('add', '--name', 'me');
    const byId = await keys('add');
    expect(await keys('revoke', 'me')).toMatchObject({ code: 0, lines: ['revoked me'] });
    const digest = digestOf(byId.lines[0] ?? '');
    expect((await stored()).map(({ sha256 }) => sha256)).toEqual([digest]);
    expect((await keys('revoke', digest.slice(0, 12).toUpperCase())).code).toBe(0);
    // Not gone: without the file a server would not start, and one that runs would keep the keys.
    expect(await readFile(file, 'utf8')).toBe('[]\n');
    expect(byName.code).toBe(0);
  });

  it.each([
    [[], 'keys revoke needs the id or the name'],
    [['nobody'], 'there is no key "nobody"'],
    [['a'], 'there is no key "a"'],
    [[newKey('a', 'push').key], 'that is a key, use its id or its name'],
  ])('refuses %j', async (args, message) => {
    await keys('add', '--name', 'me');
    expect((await keys('revoke', ...args)).error).toBe(message);
    expect(await stored()).toHaveLength(1);
  });
});
