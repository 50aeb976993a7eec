// What code may not reach for: ambient time, randomness, timers, network, logs and runtimes. They
// come in through Platform, so that tests and every runtime can supply them.
import { mayTouchRuntime, roomOf } from './import-rules.ts';
import {
  childrenOf,
  lineAt,
  nodeIn,
  problem,
  type SourceFile,
  type SourceTree,
  type SyntaxNode,
  stringOf,
  walk,
} from './source.ts';

/** Global names, and what to use instead. */
const bannedGlobals: Readonly<Record<string, string>> = {
  Bun: 'the runtime comes in through Platform',
  Deno: 'the runtime comes in through Platform',
  Buffer: 'use Uint8Array',
  process: 'settings are arguments, the rest is Platform',
  require: 'use import',
  console: 'log through Platform.logLine',
  performance: 'use platform.clock.monotonicMs()',
  setTimeout: 'use platform.sleep(ms) or tick(now)',
  setInterval: 'no room owns a timer: use tick(now)',
  setImmediate: 'use platform.yield()',
  queueMicrotask: 'use platform.yield()',
  fetch: 'the network comes in through a driver',
  eval: 'code is not data',
};

/** Members of globals, and what to use instead. */
const bannedMembers: Readonly<Record<string, string>> = {
  'Date.now': 'use platform.clock.nowMs()',
  'Math.random': 'use platform.random(bytes)',
  'crypto.getRandomValues': 'use platform.random(bytes)',
  'crypto.randomUUID': 'use platform.random(bytes)',
  'AbortSignal.timeout': 'use platform.sleep(ms, signal)',
};

/** Calls of globals with `new`, and what to use instead; Date only when it has no argument. */
const bannedNew: Readonly<Record<string, string>> = {
  Date: 'use platform.clock.nowMs()',
  Function: 'code is not data',
};

const bannedModules = /^(node:|bun$|bun:|cloudflare:|npm:|jsr:)/;

/** Fields under which only types stand. */
const typeFields = [
  'typeAnnotation',
  'typeParameters',
  'typeArguments',
  'returnType',
  'implements',
];

function nameOf(node: SyntaxNode | undefined): string | undefined {
  return node?.type === 'Identifier' ? String(node['name']) : undefined;
}

/** True where an identifier is a name of something, not a use of a variable. */
function isLabel(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (parent === undefined || parent['computed'] === true) return false;
  if (parent.type === 'MemberExpression') return parent['property'] === node;
  return parent['key'] === node || parent.type.startsWith('TS');
}

/** Every name that a file declares: those are not the globals of the same name. */
function declaredNames(program: SyntaxNode): Set<string> {
  const names = new Set<string>();
  const take = (node: SyntaxNode | undefined): void => {
    if (node === undefined) return;
    const name = nameOf(node);
    if (name !== undefined) names.add(name);
    else if (node.type === 'Property') take(nodeIn(node, 'value'));
    else if (node.type === 'AssignmentPattern') take(nodeIn(node, 'left'));
    else if (/Pattern$|^RestElement$|^FormalParameter/.test(node.type)) {
      for (const child of childrenOf(node)) take(child);
    }
  };
  walk(program, (node) => {
    if (/^(VariableDeclarator|FunctionDeclaration|ClassDeclaration)$/.test(node.type)) {
      take(nodeIn(node, 'id'));
    }
    if (/^Import.*Specifier$/.test(node.type)) take(nodeIn(node, 'local'));
    const params = node['params'];
    if (Array.isArray(params)) for (const param of params) take(param as SyntaxNode);
    return undefined;
  });
  return names;
}

function bannedUse(node: SyntaxNode, parent: SyntaxNode | undefined): [string, string] | undefined {
  if (node.type === 'MemberExpression') {
    const object = nameOf(nodeIn(node, 'object'));
    const property = nodeIn(node, 'property');
    const name = node['computed'] === true ? stringOf(property) : nameOf(property);
    if (object === 'globalThis')
      return ['globalThis', 'name what you need, or take it as an argument'];
    const member = `${object}.${name}`;
    return bannedMembers[member] ? [member, bannedMembers[member]] : undefined;
  }
  if (node.type === 'NewExpression') {
    const name = nameOf(nodeIn(node, 'callee')) ?? '';
    const count = childrenOf(node).length - 1;
    const advice = Object.hasOwn(bannedNew, name) && (name !== 'Date' || count === 0);
    return advice ? [`new ${name}`, bannedNew[name] ?? ''] : undefined;
  }
  const name = nameOf(node);
  if (name === undefined || !Object.hasOwn(bannedGlobals, name) || isLabel(node, parent)) {
    return undefined;
  }
  return [name, bannedGlobals[name] ?? ''];
}

function isType(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration') return true;
  if (parent === undefined) return false;
  return typeFields.some((field) => {
    const value = parent[field];
    return value === node || (Array.isArray(value) && value.includes(node));
  });
}

function globalsIn(file: SourceFile): string[] {
  const declared = declaredNames(file.program);
  const found: string[] = [];
  walk(file.program, (node, parent) => {
    if (isType(node, parent)) return false;
    const use = bannedUse(node, parent);
    if (use !== undefined && !declared.has(use[0].replace('new ', '').split('.')[0] ?? '')) {
      found.push(problem(file.path, lineAt(file.text, node.start), `uses ${use[0]}: ${use[1]}`));
    }
    return undefined;
  });
  return found;
}

/** Uses of banned globals and modules in `src`, outside the doors and the named drivers. */
export function banProblems(tree: SourceTree): string[] {
  return [...tree.values()]
    .filter((file) => file.path.endsWith('.ts') && roomOf(file.path) !== undefined)
    .filter((file) => !mayTouchRuntime(file.path))
    .flatMap((file) => [
      ...file.imports
        .filter((each) => bannedModules.test(each.target))
        .map((each) =>
          problem(file.path, each.line, `imports ${each.target}: only doors and drivers`),
        ),
      ...globalsIn(file),
    ]);
}
