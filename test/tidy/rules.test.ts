// Each tidy rule against a bad sample it must report and a good one it must leave alone.
import { describe, expect, it } from 'vitest';
import {
  cycleProblems,
  deadFileProblems,
  floorProblems,
  unresolvedProblems,
} from './import-rules.ts';
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
} from './shape-rules.ts';
import { parseSource, type SourceTree, treeOf } from './source.ts';

type Texts = Record<string, string>;
type Rule = (tree: SourceTree) => string[];

const lines = (count: number): string => '// One line.\n'.repeat(count);
const longFunction = (count: number): string =>
  `function work() {\n${'  step();\n'.repeat(count - 2)}}\n`;

/** What the rule must report; `message` is part of its only problem. */
const bad: [name: string, rule: Rule, texts: Texts, message: string][] = [
  [
    'an arrow up',
    floorProblems,
    { 'src/model/a.ts': "import { b } from '../head/b.ts';" },
    'src/model/a.ts:1 model may not import src/head/b.ts',
  ],
  [
    'an arrow from a file at the top',
    floorProblems,
    { 'src/errors.ts': "import './app.ts';" },
    'errors.ts may not import src/app.ts',
  ],
  [
    'a room opened to types only',
    floorProblems,
    { 'src/wal/a.ts': "import { b } from '../model/b.ts';" },
    'wal may not import',
  ],
  [
    'a file that is not the opened one',
    floorProblems,
    { 'src/block/a.ts': "import type { B } from '../bucket/memory.ts';" },
    'block may not import',
  ],
  [
    'a dynamic import up',
    floorProblems,
    { 'src/lib/a.ts': "export const b = () => import('../head/b.ts');" },
    'lib may not import',
  ],
  [
    'a type import written in a type',
    floorProblems,
    { 'src/lib/a.ts': "export type B = import('../head/b.ts').B;" },
    '(type)',
  ],
  [
    'an unknown room',
    floorProblems,
    { 'src/attic/a.ts': "import '../lib/b.ts';" },
    'the room attic, which no floor names',
  ],
  [
    'an import from outside src',
    floorProblems,
    { 'src/lib/a.ts': "import '../../test/b.ts';" },
    'outside src',
  ],
  [
    'a driver that imports a driver',
    floorProblems,
    { 'src/bucket/s3-list.ts': "import './memory.ts';" },
    'imports the driver bucket/memory',
  ],
  [
    'a package outside its room',
    floorProblems,
    { 'src/query/a.ts': "import { S3 } from '@aws-sdk/client-s3';" },
    'belongs to bucket/s3',
  ],
  [
    'a cycle of types',
    cycleProblems,
    { 'src/a.ts': "import type { B } from './b.ts';", 'src/b.ts': "import './a.ts';" },
    'import cycle: src/a.ts → src/b.ts',
  ],
  [
    'a cycle in the kernel',
    cycleProblems,
    { 'wasm/a.ts': "import { b } from './b';", 'wasm/b.ts': "import { a } from './a';" },
    'import cycle: wasm/a.ts → wasm/b.ts',
  ],
  [
    'a file only a test imports',
    deadFileProblems,
    { 'src/lib/a.ts': 'export {};', 'test/unit/a.test.ts': "import '../../src/lib/a.ts';" },
    'src/lib/a.ts:1 is imported by nobody',
  ],
  [
    'a missing file',
    (tree) => unresolvedProblems(tree, () => false),
    { 'src/a.ts': "import './b.ts';" },
    'imports src/b.ts, which does not exist',
  ],
  ['a default export', exportProblems, { 'src/a.ts': 'export default 1;' }, 'default export'],
  ['a re-export of all', exportProblems, { 'src/a.ts': "export * from './b.ts';" }, 're-exports'],
  [
    'a re-export of a type',
    exportProblems,
    { 'src/a.ts': "export type { B } from './b.ts';" },
    're-exports',
  ],
  ['an index', exportProblems, { 'src/lib/index.ts': 'export const a = 1;' }, 'index.ts'],
  ['a long file', fileLengthProblems, { 'src/a.ts': lines(501) }, 'has 501 lines, limit 500'],
  [
    'a long function',
    functionLengthProblems,
    { 'src/a.ts': longFunction(71) },
    'function has 71 lines, limit 70',
  ],
  [
    'a long test case',
    functionLengthProblems,
    { 'test/a.test.ts': `it('works', () => {\n${'step();\n'.repeat(69)}});` },
    '71 lines',
  ],
  [
    'a long function in the kernel',
    functionLengthProblems,
    { 'wasm/a.ts': `@inline export ${longFunction(71)}` },
    '71 lines',
  ],
  ['no header', headerProblems, { 'src/a.ts': 'export const a = 1;' }, 'what it owns'],
  ['a long header', headerProblems, { 'src/a.ts': lines(7) }, '7 comment lines, limit 6'],
  [
    'an exported function without a docstring',
    docstringProblems,
    { 'src/a.ts': '// Owns a.\nexport function a(): void {}' },
    'exports a without',
  ],
  ['a leftover', leftoverProblems, { 'src/a.ts': `// ${'TO'}DO later` }, 'leftover'],
  ['a managed class', kernelProblems, { 'wasm/a.ts': 'class A {}' }, 'not @unmanaged'],
  ['a closure', kernelProblems, { 'wasm/a.ts': 'const a = (): i32 => 1;' }, 'closure'],
  ['a string', kernelProblems, { 'wasm/a.ts': "const a = 'text';" }, 'has a string'],
  ['an allocation', kernelProblems, { 'wasm/a.ts': 'const a = new Array<i32>();' }, 'with new'],
];

const good: [name: string, rule: Rule, texts: Texts][] = [
  [
    'arrows down',
    floorProblems,
    {
      'src/head/a.ts': "import '../kernel/b.ts'; import '../lib/c.ts'; import '../errors.ts';",
      'src/wal/b.ts':
        "import type { L } from '../model/l.ts'; import { type M } from '../model/m.ts';",
      'src/block/c.ts': "import type { B } from '../bucket/bucket.ts'; import 'parquet-wasm/esm';",
      'src/bucket/s3.ts': "import { a } from './s3-list.ts'; import '@aws-sdk/client-s3';",
    },
  ],
  [
    'a tree without cycles',
    cycleProblems,
    {
      'src/a.ts': "import './b.ts'; import './c.ts';",
      'src/b.ts': "import './c.ts';",
      'src/c.ts': '',
    },
  ],
  [
    'entry points and what they import',
    deadFileProblems,
    { 'src/cli/launch.ts': "import('./main.ts');", 'src/cli/main.ts': '', 'test/a.test.ts': '' },
  ],
  ['a default export of a tool', exportProblems, { 'vitest.config.ts': 'export default {};' }],
  [
    'a suite of short cases',
    functionLengthProblems,
    { 'test/a.test.ts': `describe('a', () => {\n${"it('b', () => {});\n".repeat(80)}});` },
  ],
  ['a header below a shebang', headerProblems, { 'src/a.ts': '#!/usr/bin/env node\n// Owns a.\n' }],
  [
    'a docstring above a decorator',
    docstringProblems,
    { 'wasm/a.ts': '// Owns a.\n\n/** A. */\n@inline\nexport function a(): void {}' },
  ],
  ['a word in a string', leftoverProblems, { 'src/a.ts': `const a = '${'TO'}DO';` }],
  [
    'an unmanaged class with a method',
    kernelProblems,
    {
      'wasm/a.ts':
        "import { b } from './b';\n@unmanaged\nexport class A { c(): i32 { return 1; } }",
    },
  ],
];

describe('a tidy rule', () => {
  it.each(bad)('reports %s', (_name, rule, texts, message) => {
    const problems = rule(treeOf(texts));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  it.each(good)('accepts %s', (_name, rule, texts) => {
    expect(rule(treeOf(texts))).toEqual([]);
  });

  it('lists long files, longest first, without failing them', () => {
    const tree = treeOf({ 'src/a.ts': lines(301), 'src/b.ts': lines(400), 'src/c.ts': lines(300) });
    expect(longFiles(tree)).toEqual(['src/b.ts (400)', 'src/a.ts (301)']);
  });

  it('counts columns by character', () => {
    const texts = new Map([['a.ts', `${'→'.repeat(100)}\n${'a'.repeat(101)}\n`]]);
    expect(widthProblems(texts)).toEqual(['a.ts:2 is 101 columns, limit 100']);
  });

  it('refuses text that is not TypeScript', () => {
    expect(() => parseSource('src/a.ts', 'const = ;')).toThrow(/src\/a\.ts does not parse/);
  });
});

describe('the machine path rule', () => {
  const report = (line: string): string[] => machinePathProblems(new Map([['a.md', line]]));
  const folder = (name: string): string => `/${name}`;

  it.each(['work', 'home', 'root', 'tmp', 'Users'])('reports /%s', (name) => {
    expect(report(`see ${folder(name)}/a`)).toHaveLength(1);
    expect(report(`'${folder(name)}'`)).toHaveLength(1);
  });

  it('reports a neighbour of the checkout', () => {
    expect(report(`read ../${'shared'}/a.md`)).toHaveLength(1);
  });

  it.each([
    'src/work/a.ts',
    'https://example.org/home/a',
    `${'$'}{data}/tmp/a`,
    '/workers',
    'a/root/b',
  ])('accepts %s', (text) => {
    expect(report(text)).toEqual([]);
  });
});
