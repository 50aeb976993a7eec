// The sorted walk behind a listing of a folder tree. Owns order, prefix, delimiter and position;
// reading a folder is passed in.
import { compareUtf8 } from '../lib/compare-utf8.ts';
import type { ListOptions } from './bucket.ts';

export interface FolderEntry {
  /** One segment of a key. */
  segment: string;
  /** Where it is on disk. */
  path: string;
  isFolder: boolean;
}

/** Answers what a folder holds, in any order; nothing when it has gone. */
export type ReadFolder = (path: string) => Promise<FolderEntry[]>;

export interface FoundItem {
  /** A key, or with a delimiter a prefix that ends in `/`. */
  item: string;
  path: string;
  isPrefix: boolean;
}

interface Walk {
  readFolder: ReadFolder;
  prefix: string;
  delimiter: '/' | undefined;
  /** Only items behind this one. */
  after: string | undefined;
  signal: AbortSignal | undefined;
}

/** Keys and prefixes below `root` behind the cursor, ascending by UTF-8 bytes. */
export function walkFolder(
  root: string,
  readFolder: ReadFolder,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<FoundItem> {
  const { delimiter, cursor: after, signal } = options;
  return walk({ readFolder, prefix, delimiter, after, signal }, root, '');
}

async function* walk(state: Walk, path: string, folder: string): AsyncGenerator<FoundItem> {
  state.signal?.throwIfAborted();
  const found = (await state.readFolder(path)).map((entry) => ({
    item: `${folder}${entry.segment}${entry.isFolder ? '/' : ''}`,
    path: entry.path,
    isPrefix: entry.isFolder,
  }));
  // With the slash in place the order of siblings is the order of all keys below them.
  found.sort((a, b) => compareUtf8(a.item, b.item));
  for (const entry of found) {
    if (entry.isPrefix) yield* walkInto(state, entry);
    else if (entry.item.startsWith(state.prefix) && isBehind(state, entry.item)) yield entry;
  }
}

async function* walkInto(state: Walk, entry: FoundItem): AsyncGenerator<FoundItem> {
  const { item } = entry;
  const isInside = item.startsWith(state.prefix);
  if (!isInside && !state.prefix.startsWith(item)) return;
  if (!isBehind(state, item) && state.after?.startsWith(item) === false) return;
  if (state.delimiter === undefined || !isInside || item.length === state.prefix.length) {
    yield* walk(state, entry.path, item);
  } else if (isBehind(state, item) && (await hasObject(state, entry.path))) {
    yield entry;
  }
}

function isBehind(state: Walk, item: string): boolean {
  return state.after === undefined || compareUtf8(item, state.after) > 0;
}

async function hasObject(state: Walk, path: string): Promise<boolean> {
  state.signal?.throwIfAborted();
  for (const entry of await state.readFolder(path)) {
    if (!entry.isFolder || (await hasObject(state, entry.path))) return true;
  }
  return false;
}
