// The files of a log as plain bytes: taken from a disk, changed by a test, laid on a new disk.
import type { FileSystem } from '../../src/lib/file-system.ts';
import { PageLayout, pageHeaderBytes } from '../../src/wal/pages.ts';
import { fixedHeadBytes, recordKinds } from '../../src/wal/record.ts';
import { ModelDisk } from './model-disk.ts';

export type LogFiles = ReadonlyMap<string, Uint8Array>;

/** Every file of a folder by name. */
export async function readFiles(fileSystem: FileSystem, folder: string): Promise<LogFiles> {
  const files = new Map<string, Uint8Array>();
  const items = await fileSystem.readdir(folder, { withFileTypes: true });
  for (const { name } of items.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = await fileSystem.open(`${folder}/${name}`, 'r');
    const { size } = await file.stat();
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new Error(`${name} ends at ${at} of ${size}`);
      at += bytesRead;
    }
    await file.close();
    files.set(name, bytes);
  }
  return files;
}

/** A disk that has these files in `folder`. */
export async function diskOf(files: LogFiles, folder: string): Promise<ModelDisk> {
  const disk = new ModelDisk();
  await disk.mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) {
    const file = await disk.open(`${folder}/${name}`, 'w');
    await file.write(bytes, 0, bytes.length, 0);
    await file.close();
  }
  return disk;
}

/** The files with one of them changed. */
export function withFile(files: LogFiles, name: string, bytes: Uint8Array): LogFiles {
  return new Map([...files, [name, bytes]]);
}

/** Names of the segments, oldest first. */
export function segmentNames(files: LogFiles): string[] {
  return [...files.keys()].filter((name) => name.endsWith('.wal')).sort();
}

/** Where the index of a segment starts in its file; undefined when it has none. */
export function indexOffsetOf(bytes: Uint8Array, pageBytes?: number): number | undefined {
  const layout = new PageLayout(pageBytes);
  const stream = layout.strip(bytes.slice(pageHeaderBytes), 0);
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  for (let at = stream.length - fixedHeadBytes; at >= 0; at--) {
    // The head of a record starts with its magic, "plpr", and says its kind at byte 25.
    const isHead = view.getUint32(at, true) === 0x72706c70;
    if (isHead && stream[at + 25] === recordKinds.index) return layout.startOffsetOf(at);
  }
  return undefined;
}

/** The files of a log whose segments have no index. */
export function withoutIndexes(files: LogFiles, pageBytes?: number): LogFiles {
  const cut = (bytes: Uint8Array) => bytes.slice(0, indexOffsetOf(bytes, pageBytes));
  return new Map([...files].map(([name, bytes]) => [name, cut(bytes)]));
}
