// Rules about the look of a file: lengths, header, exports, leftovers. What Biome can check for
// TypeScript it checks; this also covers AssemblyScript, which Biome cannot read.
import { defaultExports } from './floors.ts';
import {
  lineAt,
  nodeIn,
  nodesIn,
  problem,
  type SourceFile,
  type SourceTree,
  type SyntaxNode,
  stringOf,
  walk,
} from './source.ts';

export const lineWidthMax = 100;
export const fileLinesMax = 500;
/** Past this a file smells: it is listed, and does not fail. */
export const fileLinesWarn = 300;
export const functionLinesMax = 70;
export const headerLinesMax = 6;

/** The package's edge and the kernel's borders name what others offer; nobody else re-exports. */
const edges = ['src/package.ts', 'wasm/index.ts', 'wasm/guarded.ts', 'wasm/query/index.ts'];

const functionTypes = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Lines wider than the bound. Tables and addresses in Markdown may be wide. */
export function widthProblems(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([path, text]) =>
    linesOf(text).flatMap((line, index) =>
      [...line].length > lineWidthMax
        ? [problem(path, index + 1, `is ${[...line].length} columns, limit ${lineWidthMax}`)]
        : [],
    ),
  );
}

export function fileLengthProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) => {
    const count = linesOf(file.text).length;
    return count > fileLinesMax
      ? [problem(file.path, count, `has ${count} lines, limit ${fileLinesMax}`)]
      : [];
  });
}

/** Files to split soon, longest first: `path (lines)`. */
export function longFiles(tree: SourceTree): string[] {
  return [...tree.values()]
    .map((file) => ({ path: file.path, count: linesOf(file.text).length }))
    .filter(({ count }) => count > fileLinesWarn)
    .sort((a, b) => b.count - a.count)
    .map(({ path, count }) => `${path} (${count})`);
}

/** True for a block of test cases: a list of cases may be long, each case may not. */
function holdsCases(node: SyntaxNode): boolean {
  let isSuite = false;
  walk(node, (each) => {
    if (each.type === 'CallExpression') {
      isSuite ||= /^(describe|it|test)$/.test(calledName(each) ?? '');
    }
    return !isSuite;
  });
  return isSuite;
}

/** `it` of `it(…)`, `it.each(…)(…)` and `it.skipIf(…)(…)`. */
function calledName(call: SyntaxNode): string | undefined {
  let callee = nodeIn(call, 'callee');
  while (callee !== undefined && callee.type !== 'Identifier') {
    callee = nodeIn(callee, callee.type === 'MemberExpression' ? 'object' : 'callee');
  }
  return callee === undefined ? undefined : String(callee['name']);
}

export function functionLengthProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) => {
    const found: string[] = [];
    walk(file.program, (node) => {
      if (!functionTypes.test(node.type)) return undefined;
      const line = lineAt(file.text, node.start);
      const count = lineAt(file.text, node.end) - line + 1;
      const isSuite = file.path.startsWith('test/') && holdsCases(node);
      if (count > functionLinesMax && !isSuite) {
        found.push(
          problem(file.path, line, `function has ${count} lines, limit ${functionLinesMax}`),
        );
      }
      return undefined;
    });
    return found;
  });
}

/** A file opens with one to six comment lines that say what it owns. */
export function headerProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) => {
    const lines = linesOf(file.text);
    if (lines[0]?.startsWith('#!')) lines.shift();
    const end = lines.findIndex((line) => !line.startsWith('//'));
    const header = end < 0 ? lines : lines.slice(0, end);
    const count = header.filter((line) => line.trim() !== '//').length;
    if (count === 0) return [problem(file.path, 1, 'does not open with a comment on what it owns')];
    return count > headerLinesMax
      ? [problem(file.path, count, `opens with ${count} comment lines, limit ${headerLinesMax}`)]
      : [];
  });
}

function exportProblem(file: SourceFile, node: SyntaxNode): string | undefined {
  if (node.type === 'ExportDefaultDeclaration') {
    const isAsked = defaultExports.some((pattern) => pattern.test(file.path));
    return isAsked ? undefined : 'has a default export: name it';
  }
  const isReexport =
    node.type === 'ExportAllDeclaration' ||
    (node.type === 'ExportNamedDeclaration' && stringOf(nodeIn(node, 'source')) !== undefined);
  return isReexport && !edges.includes(file.path)
    ? 're-exports: import the file that defines the thing'
    : undefined;
}

/** Default exports, and barrels: re-exports and `index.ts` inside `src`. */
export function exportProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) => {
    const found = /^src\/(.*\/)?index\.ts$/.test(file.path)
      ? [problem(file.path, 1, 'is named index.ts: name the idea')]
      : [];
    for (const node of nodesIn(file.program, 'body')) {
      const text = exportProblem(file, node);
      if (text !== undefined) found.push(problem(file.path, lineAt(file.text, node.start), text));
    }
    return found;
  });
}

/** Exported functions without a docstring, in `src` and `wasm`; a header speaks for a class. */
export function docstringProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) => {
    if (!/^(src|wasm)\/.*\.ts$/.test(file.path)) return [];
    const lines = file.text.split('\n');
    return nodesIn(file.program, 'body').flatMap((node) => {
      const declared =
        node.type === 'ExportNamedDeclaration' ? nodeIn(node, 'declaration') : undefined;
      if (declared?.type !== 'FunctionDeclaration') return [];
      const line = lineAt(file.text, node.start);
      let above = line - 2;
      while (/^@[a-z]/.test(lines[above] ?? '')) above--;
      if (/\*\/$/.test(lines[above] ?? '')) return [];
      const id = nodeIn(declared, 'id');
      return [problem(file.path, line, `exports ${String(id?.['name'])} without a docstring`)];
    });
  });
}

/** Marks of unfinished work in comments. */
export function leftoverProblems(tree: SourceTree): string[] {
  const marks = /\b(?:TODO|FIXME|XXX|HACK)\b/;
  return [...tree.values()].flatMap((file) =>
    file.comments.flatMap(({ value, line }) => {
      const mark = marks.exec(value)?.[0];
      return mark === undefined ? [] : [problem(file.path, line, `has a leftover ${mark}`)];
    }),
  );
}

/** Folders of one machine, which mean nothing on another. */
export function machinePathProblems(texts: ReadonlyMap<string, string>): string[] {
  const folder = /(?<![\w.$}*-])\/(?:work|home|root|Users|tmp)(?=[/'"`\s),]|$)/;
  const neighbour = /(?:^|['"`(\s])(?:\.\.\/)+shared\//;
  return [...texts].flatMap(([path, text]) =>
    linesOf(text).flatMap((line, index) => {
      const found = folder.exec(line) ?? neighbour.exec(line);
      return found ? [problem(path, index + 1, `names the machine's ${found[0].trim()}`)] : [];
    }),
  );
}

/**
 * AssemblyScript that would bring in its managed runtime: classes that are not `@unmanaged`,
 * `new`, closures, and strings.
 */
export function kernelProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) => {
    if (!/^wasm\/.*\.ts$/.test(file.path)) return [];
    const found: string[] = [];
    const isUnmanaged = (node: SyntaxNode): boolean =>
      /@unmanaged\s+(?:export\s+)?$/.test(file.text.slice(0, node.start));
    walk(file.program, (node, parent) => {
      const text = kernelProblem(node, parent, isUnmanaged);
      if (text !== undefined) found.push(problem(file.path, lineAt(file.text, node.start), text));
      return undefined;
    });
    return found;
  });
}

function kernelProblem(
  node: SyntaxNode,
  parent: SyntaxNode | undefined,
  isUnmanaged: (node: SyntaxNode) => boolean,
): string | undefined {
  switch (node.type) {
    case 'ClassDeclaration':
      return isUnmanaged(node) ? undefined : 'has a class that is not @unmanaged';
    case 'NewExpression':
      return 'allocates a managed object with new';
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
      return parent?.type === 'MethodDefinition' ? undefined : 'has a closure';
    case 'TemplateLiteral':
      return 'has a string';
    case 'Literal':
      return stringOf(node) === undefined || /^(Im|Ex)port/.test(parent?.type ?? '')
        ? undefined
        : 'has a string';
    default:
      return undefined;
  }
}
