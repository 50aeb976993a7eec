// Rules about who imports whom: floors, drivers, packages, cycles, and files nobody imports.
// The allowed arrows are data in floors.ts.
import {
  commonFiles,
  doorRooms,
  drivers,
  entryPoints,
  floors,
  packageRooms,
  runtimeDrivers,
} from './floors.ts';
import { type Import, problem, type SourceFile, type SourceTree } from './source.ts';

/** `bucket` of `src/bucket/s3.ts`; `app.ts` of `src/app.ts`; undefined outside `src`. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)/.exec(path)?.[1];
}

/** `bucket/s3` of `src/bucket/s3.ts` and `src/bucket/s3-errors.ts`; undefined for no driver. */
function driverOf(path: string): string | undefined {
  const room = roomOf(path);
  if (room === undefined) return undefined;
  const name = (drivers[room] ?? []).find((each) => {
    const rest = path.slice(`src/${room}/`.length);
    return rest === `${each}.ts` || rest.startsWith(`${each}-`);
  });
  return name === undefined ? undefined : `${room}/${name}`;
}

/** True for the doors and the drivers that may touch a runtime. */
export function mayTouchRuntime(path: string): boolean {
  return (
    doorRooms.includes(roomOf(path) ?? '') || runtimeDrivers.includes(driverOf(path) ?? 'none')
  );
}

function isOpen(rule: string, target: string, isTypeOnly: boolean): boolean {
  const typed = rule.startsWith('type:');
  const place = typed ? rule.slice('type:'.length) : rule;
  if (typed && !isTypeOnly) return false;
  return target === `src/${place}` || target.startsWith(`src/${place}/`);
}

function floorProblem(file: SourceFile, each: Import): string | undefined {
  const from = roomOf(file.path);
  const to = roomOf(each.target);
  if (from === undefined || !each.isRelative) return undefined;
  if (to === undefined) return `imports ${each.target}, which is outside src`;
  if (floors[from] === undefined) return `is in the room ${from}, which no floor names`;
  if (from === to && from !== file.path) {
    const [mine, theirs] = [driverOf(file.path), driverOf(each.target)];
    const isOtherDriver = mine !== undefined && theirs !== undefined && mine !== theirs;
    return isOtherDriver ? `is a driver and imports the driver ${theirs}` : undefined;
  }
  if (commonFiles.includes(each.target)) return undefined;
  if (floors[from].some((rule) => isOpen(rule, each.target, each.isTypeOnly))) return undefined;
  return `${from} may not import ${each.target}${each.isTypeOnly ? ' (type)' : ''}`;
}

function packageProblem(file: SourceFile, each: Import): string | undefined {
  if (roomOf(file.path) === undefined || each.isRelative) return undefined;
  const owned = Object.entries(packageRooms).find(
    ([name]) =>
      each.target === name || each.target.startsWith(name.endsWith('/') ? name : `${name}/`),
  );
  if (owned === undefined) return undefined;
  const [, rooms] = owned;
  const isOwner =
    rooms.includes(roomOf(file.path) ?? '') || rooms.includes(driverOf(file.path) ?? '');
  return isOwner ? undefined : `imports ${each.target}, which belongs to ${rooms.join(', ')}`;
}

/** Arrows that the floor table does not have. */
export function floorProblems(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((file) =>
    file.imports.flatMap((each) => {
      const messages = [floorProblem(file, each), packageProblem(file, each)];
      return messages.flatMap((text) => (text ? [problem(file.path, each.line, text)] : []));
    }),
  );
}

/** AssemblyScript leaves `.ts` out of its import paths. */
function resolved(tree: SourceTree, target: string): SourceFile | undefined {
  return tree.get(target) ?? tree.get(`${target}.ts`);
}

/** One line per cycle, named by its smallest path; type imports count too. */
export function cycleProblems(tree: SourceTree): string[] {
  const found = new Set<string>();
  const isDone = new Set<string>();
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(file.path);
    if (seenAt >= 0) {
      const cycle = trail.slice(seenAt);
      const first = cycle.indexOf([...cycle].sort()[0] ?? '');
      found.add([...cycle.slice(first), ...cycle.slice(0, first)].join(' → '));
      return;
    }
    if (isDone.has(file.path)) return;
    for (const each of file.imports) {
      const next = each.isRelative ? resolved(tree, each.target) : undefined;
      if (next !== undefined) visit(next, [...trail, file.path]);
    }
    isDone.add(file.path);
  };
  for (const file of tree.values()) visit(file, []);
  return [...found].sort().map((cycle) => `import cycle: ${cycle}`);
}

/** Files that no file imports. What only tests import is dead in `src`. */
export function deadFileProblems(tree: SourceTree): string[] {
  const imported = new Set<string>();
  for (const file of tree.values()) {
    for (const each of file.imports) {
      const target = each.isRelative ? resolved(tree, each.target) : undefined;
      if (target === undefined) continue;
      const isFromTest = file.path.startsWith('test/') && !target.path.startsWith('test/');
      if (!isFromTest) imported.add(target.path);
    }
  }
  return [...tree.keys()]
    .filter((path) => !imported.has(path) && !entryPoints.some((entry) => entry.test(path)))
    .map((path) => problem(path, 1, 'is imported by nobody and is no entry point'));
}

/** Relative imports of files that are not there (generated files and assets count by name). */
export function unresolvedProblems(tree: SourceTree, isThere: (path: string) => boolean): string[] {
  return [...tree.values()].flatMap((file) =>
    file.imports
      .filter((each) => each.isRelative && !resolved(tree, each.target) && !isThere(each.target))
      .map((each) => problem(file.path, each.line, `imports ${each.target}, which does not exist`)),
  );
}
