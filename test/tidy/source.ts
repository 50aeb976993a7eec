// The repository as the tidy rules see it: every source file with its text, its syntax tree and
// its imports. Owns reading and parsing; the rules beside it own what is allowed.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';

/** The folder that holds package.json, with a trailing separator. */
export const repositoryFolder = fileURLToPath(new URL('../../', import.meta.url));

/** A syntax node in ESTree's shape; fields beyond these depend on `type`. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface Import {
  /** As written, or the path from the repository's root when it is relative. */
  readonly target: string;
  readonly isRelative: boolean;
  /** Erased when the file runs. */
  readonly isTypeOnly: boolean;
  readonly line: number;
}

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  readonly comments: readonly { readonly value: string; readonly line: number }[];
  readonly imports: readonly Import[];
}

/** Files by path. */
export type SourceTree = ReadonlyMap<string, SourceFile>;

/** One broken rule, ready to print. */
export function problem(path: string, line: number, message: string): string {
  return `${path}:${line} ${message}`;
}

/** Line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string'
  );
}

/** The nodes directly below `node`, in source order. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

/** Calls `visit` for `node` and all below it, parents first; `false` skips what is below. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => boolean | undefined,
  parent?: SyntaxNode,
): void {
  if (visit(node, parent) === false) return;
  for (const child of childrenOf(node)) walk(child, visit, node);
}

/** A field that holds a node; undefined when it holds anything else. */
export function nodeIn(node: SyntaxNode, field: string): SyntaxNode | undefined {
  const value = node[field];
  return isNode(value) ? value : undefined;
}

/** A field that holds nodes; empty when it holds anything else. */
export function nodesIn(node: SyntaxNode, field: string): SyntaxNode[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** Value of a string literal node; undefined for any other. */
export function stringOf(node: SyntaxNode | undefined): string | undefined {
  return node?.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined;
}

/** True when nothing of an import or re-export is left at run time. */
function isErased(node: SyntaxNode): boolean {
  if (node['importKind'] === 'type' || node['exportKind'] === 'type') return true;
  const specifiers = nodesIn(node, 'specifiers');
  return (
    specifiers.length > 0 &&
    specifiers.every((each) => each['importKind'] === 'type' || each['exportKind'] === 'type')
  );
}

/** The module a node names: import, re-export, `import()`, or `import type` in a type. */
function moduleNamed(node: SyntaxNode): { name: string; isTypeOnly: boolean } | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression': {
      const name = stringOf(nodeIn(node, 'source'));
      return name === undefined ? undefined : { name, isTypeOnly: isErased(node) };
    }
    case 'TSImportType': {
      const name = stringOf(nodeIn(node, 'source') ?? nodeIn(node, 'argument'));
      return name === undefined ? undefined : { name, isTypeOnly: true };
    }
    default:
      return undefined;
  }
}

function importsOf(path: string, text: string, program: SyntaxNode): Import[] {
  const imports: Import[] = [];
  walk(program, (node) => {
    const named = moduleNamed(node);
    if (named !== undefined) {
      const isRelative = named.name.startsWith('.');
      imports.push({
        target: isRelative ? posix.join(posix.dirname(path), named.name) : named.name,
        isRelative,
        isTypeOnly: named.isTypeOnly,
        line: lineAt(text, node.start),
      });
    }
    return undefined;
  });
  return imports;
}

/**
 * AssemblyScript's decorators stand where TypeScript's grammar has none: blanking them, byte for
 * byte, leaves a file that parses with every offset in place.
 */
function withoutDecorators(text: string): string {
  return text.replaceAll(/^([ \t]*)(@[a-z]+(?:\([^)\n]*\))?[ \t]*)+/gm, (all) =>
    all.replaceAll(/[^\n]/g, ' '),
  );
}

/** Parses one file; throws when it is not TypeScript. */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, path.startsWith('wasm/') ? withoutDecorators(text) : text, {
    lang: 'ts',
    sourceType: 'module',
  });
  const [error] = parsed.errors;
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  const program: unknown = parsed.program;
  if (!isNode(program)) throw new Error(`${path} gave no syntax tree`);
  return {
    path,
    text,
    program,
    comments: parsed.comments.map((each) => ({
      value: each.value,
      line: lineAt(text, each.start),
    })),
    imports: importsOf(path, text, program),
  };
}

/** A tree from texts by path: what the tests of the rules use. */
export function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, parseSource(path, text)]));
}

/** Paths below `folder` (or the root's own files for `''`), sorted, forward slashes. */
export function pathsBelow(folder: string, isRecursive = true): string[] {
  return readdirSync(join(repositoryFolder, folder), {
    recursive: isRecursive,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(repositoryFolder.length))
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !path.split('/').includes('node_modules'))
    .sort();
}

/** Reads a file by its path from the root. */
export function readText(path: string): string {
  return readFileSync(join(repositoryFolder, path), 'utf8');
}

/** All hand-written TypeScript and scripts of the repository. */
export function loadRepository(): SourceTree {
  const paths = [
    ...['src', 'test', 'wasm', '.ci'].flatMap((each) => pathsBelow(each)),
    ...rootFiles(),
  ];
  const isOurs = (path: string) => /\.(ts|mjs|cjs)$/.test(path) && !path.startsWith('src/gen/');
  return treeOf(Object.fromEntries(paths.filter(isOurs).map((path) => [path, readText(path)])));
}

function rootFiles(): string[] {
  return pathsBelow('', false).filter((path) => dirname(path) === '.');
}
