// The folders of the model disk and the journal of their changes. Owns which names are there after
// a power loss: each change whole or not at all, in any order between different files.
import type { CrashChoice } from './model-disk-choice.ts';
import { systemError } from './model-disk-control.ts';
import { FileNode } from './model-disk-file.ts';

export type DiskNode = FileNode | FolderNode;

export class FolderNode {
  /** What programs see, in the order of making. */
  readonly entries = new Map<string, DiskNode>();
  readonly durable = new Map<string, DiskNode>();
  modifiedMs = 0;
}

/** Where a path leads; its last name may stand for nothing yet. */
export interface Place {
  folder: FolderNode;
  name: string;
  node: DiskNode | undefined;
}

/** One name and what it stands for from now on; undefined: nothing. */
export interface Slot {
  folder: FolderNode;
  name: string;
  node: DiskNode | undefined;
}

interface EntryChange {
  /** All of them change at once: a rename has two. */
  slots: Slot[];
  /** The folder whose fsync makes it durable: of a rename, the one it leads to. */
  home: FolderNode;
  number: number;
}

/** Changes of names that are not durable, of all folders, in the order they were made. */
export class EntryJournal {
  readonly root = new FolderNode();
  #pending: EntryChange[] = [];
  #count = 0;

  /** Changes ever made: what `sync` takes, so that it covers none that came later. */
  get changeCount(): number {
    return this.#count;
  }

  /** The folder and name of a path; throws ENOENT or ENOTDIR when there is no such folder. */
  place(path: string, call: string): Place {
    const names = path.split('/').filter((name) => name !== '');
    const name = names.pop() ?? '.';
    let folder: DiskNode | undefined = this.root;
    for (const each of names) {
      if (folder instanceof FileNode) throw systemError('ENOTDIR', call, path);
      folder = folder?.entries.get(each);
    }
    if (folder === undefined) throw systemError('ENOENT', call, path);
    if (folder instanceof FileNode) throw systemError('ENOTDIR', call, path);
    return { folder, name, node: name === '.' ? folder : folder.entries.get(name) };
  }

  /** The place of a path; undefined when the folder is not there; throws ENOTDIR. */
  find(path: string, call: string): Place | undefined {
    try {
      return this.place(path, call);
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Bytes of all files that have a name. */
  fileBytes(): number {
    const files = new Set<FileNode>();
    const open: FolderNode[] = [this.root];
    for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
      for (const node of folder.entries.values()) {
        if (node instanceof FileNode) files.add(node);
        else open.push(node);
      }
    }
    return [...files].reduce((sum, file) => sum + file.size, 0);
  }

  /** Makes one change. The last slot is in the folder whose fsync makes it durable. */
  change(...slots: [...Slot[], Slot]): void {
    for (const { folder, name, node } of slots) setEntry(folder.entries, name, node);
    const home = (slots.at(-1) as Slot).folder;
    this.#pending.push({ slots, home, number: this.#count++ });
  }

  /** Makes those of the first `changeCount` changes durable that belong to `folder`. */
  sync(folder: FolderNode, changeCount: number): void {
    const isDone = (change: EntryChange) => change.home === folder && change.number < changeCount;
    const left = this.#pending.filter((change) => !isDone(change));
    for (const change of this.#pending.filter(isDone)) {
      for (const slot of change.slots) {
        setEntry(slot.folder.durable, slot.name, slot.node);
        // An older change of this name may be kept by chance later on: it must not undo this one.
        for (const older of left) {
          if (older.number < change.number) older.slots = older.slots.filter(isOther(slot));
        }
      }
    }
    this.#pending = left;
  }

  /** The tree after a power loss, all of it durable. */
  crashed(choice: CrashChoice): EntryJournal {
    const names = new Map<FolderNode, Map<string, DiskNode>>();
    const namesOf = (folder: FolderNode) => {
      const found = names.get(folder) ?? new Map(folder.durable);
      names.set(folder, found);
      return found;
    };
    for (const { slots } of this.#kept(choice)) {
      for (const { folder, name, node } of slots) setEntry(namesOf(folder), name, node);
    }
    const next = new EntryJournal();
    const copies = new Map<DiskNode, DiskNode>([[this.root, next.root]]);
    const open: FolderNode[] = [this.root];
    for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
      const target = copies.get(folder) as FolderNode;
      target.modifiedMs = folder.modifiedMs;
      for (const [name, node] of namesOf(folder)) {
        let copy = copies.get(node);
        if (copy === undefined) {
          copy = node instanceof FileNode ? node.crashed(choice) : new FolderNode();
          copies.set(node, copy);
          if (node instanceof FolderNode) open.push(node);
        }
        if (copy instanceof FileNode) copy.links += 1;
        target.entries.set(name, copy);
        target.durable.set(name, copy);
      }
    }
    return next;
  }

  /**
   * A later change of one file or folder needs the earlier ones of it: otherwise a folder that was
   * renamed twice would be in two places. Changes of different ones are kept in any order.
   */
  #kept(choice: CrashChoice): EntryChange[] {
    const kept = new Set(this.#pending.filter(() => choice.entry()));
    for (const change of [...kept].reverse()) {
      const nodes = new Set(nodesOf(change));
      for (const earlier of this.#pending) {
        if (earlier.number >= change.number) break;
        if (nodesOf(earlier).some((node) => nodes.has(node))) kept.add(earlier);
      }
    }
    return this.#pending.filter((change) => kept.has(change));
  }
}

function nodesOf(change: EntryChange): DiskNode[] {
  return change.slots.flatMap(({ node }) => node ?? []);
}

function isOther(slot: Slot): (other: Slot) => boolean {
  return (other) => other.folder !== slot.folder || other.name !== slot.name;
}

function setEntry(entries: Map<string, DiskNode>, name: string, node: DiskNode | undefined): void {
  if (node === undefined) entries.delete(name);
  else entries.set(name, node);
}
