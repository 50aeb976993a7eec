// The house rules over the whole repository: floors, bans, lengths, leftovers, size of the kernel.
// Each rule has its own test against bad samples in tidy/rules.test.ts.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { banProblems } from './tidy/ban-rules.ts';
import { floors } from './tidy/floors.ts';
import {
  cycleProblems,
  deadFileProblems,
  floorProblems,
  unresolvedProblems,
} from './tidy/import-rules.ts';
import {
  docstringProblems,
  exportProblems,
  fileLengthProblems,
  functionLengthProblems,
  headerProblems,
  kernelProblems,
  leftoverProblems,
  longFiles,
  machinePathProblems,
  widthProblems,
} from './tidy/shape-rules.ts';
import { loadRepository, pathsBelow, readText, repositoryFolder } from './tidy/source.ts';

const kib = 1024;
const moduleBytesMax = 48 * kib;
const moduleGzipBytesMax = 16 * kib;

const tree = loadRepository();
const codeTexts = new Map([...tree.values()].map((file) => [file.path, file.text]));
/** Everything a person wrote, code or not. */
const allTexts = new Map([
  ...codeTexts,
  ...['', '.ci', 'src', 'test', 'wasm']
    .flatMap((folder) => pathsBelow(folder, folder !== ''))
    .filter((path) =>
      /\.(md|json|jsonc|toml|yaml|yml|sh|proto|sql|py|go|rs|java)$|^\.ci\//.test(path),
    )
    .filter((path) => !/^package-lock\.json$|^src\/gen\//.test(path))
    .map((path): [string, string] => [path, readText(path)]),
]);

describe('the repository', () => {
  it('has files to check', () => {
    expect([...tree.keys()]).toContain('src/errors.ts');
    expect([...tree.keys()]).toContain('wasm/layout.ts');
  });

  it('imports only down the floors', () => {
    expect(floorProblems(tree)).toEqual([]);
  });

  it('has no import cycle', () => {
    expect(cycleProblems(tree)).toEqual([]);
  });

  it('has no file that nobody imports', () => {
    expect(deadFileProblems(tree)).toEqual([]);
  });

  it('imports only files that exist', () => {
    const isThere = (path: string): boolean => existsSync(join(repositoryFolder, path));
    expect(unresolvedProblems(tree, isThere)).toEqual([]);
  });

  it('takes time, randomness, timers and the runtime from Platform', () => {
    expect(banProblems(tree)).toEqual([]);
  });

  it('keeps lines, functions and files short', () => {
    const long = longFiles(tree);
    if (long.length > 0) console.warn(`files over 300 lines: ${long.join(', ')}`);
    expect([
      ...widthProblems(codeTexts),
      ...functionLengthProblems(tree),
      ...fileLengthProblems(tree),
    ]).toEqual([]);
  });

  it('says in each file what it owns, and on each exported function what it does', () => {
    expect([...headerProblems(tree), ...docstringProblems(tree)]).toEqual([]);
  });

  it('names its exports and re-exports nothing', () => {
    expect(exportProblems(tree)).toEqual([]);
  });

  it('has no leftovers', () => {
    expect(leftoverProblems(tree)).toEqual([]);
  });

  it('names no folder of one machine', () => {
    expect(machinePathProblems(allTexts)).toEqual([]);
  });

  it('keeps managed objects out of the kernel', () => {
    expect(kernelProblems(tree)).toEqual([]);
  });

  it.each(['head', 'query'])("keeps the kernel's %s module within its size budget", (name) => {
    const bytes = readFileSync(join(repositoryFolder, `src/gen/${name}.wasm`));
    expect(bytes.length).toBeLessThanOrEqual(moduleBytesMax);
    expect(gzipSync(bytes, { level: 9 }).length).toBeLessThanOrEqual(moduleGzipBytesMax);
  });
});

describe('the floor table', () => {
  const roomOf = (rule: string): string => {
    const [room = ''] = rule.replace('type:', '').split('/');
    return room;
  };

  it('names only rooms that it lists', () => {
    const unknown = Object.values(floors)
      .flat()
      .map(roomOf)
      .filter((room) => floors[room] === undefined);
    expect(unknown).toEqual([]);
  });

  it('has no way back up', () => {
    const below = (room: string, trail: readonly string[]): string[] => {
      if (trail.includes(room)) return [[...trail, room].join(' → ')];
      return (floors[room] ?? []).flatMap((rule) => below(roomOf(rule), [...trail, room]));
    };
    expect(Object.keys(floors).flatMap((room) => below(room, []))).toEqual([]);
  });
});
