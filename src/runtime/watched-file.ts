// Files that operators edit, on a local disk: what tells that one has changed, and its text.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Failure, messageOf } from '../errors.ts';
import type { EditedFile } from '../platform.ts';

/** The file of a path, which need not be there yet. Links are followed, as ConfigMaps need it. */
export function editedFile(path: string): EditedFile {
  return { path, stamp: () => stampOf(path), read: (bytesMax) => read(path, bytesMax) };
}

/** Rights and the time of the last status change are among it: a copy may be as old as before. */
async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, mode, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    // Not every runtime has a time that moves with the rights.
    return [dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    // Reading it says the same, to whoever asks because of the changed stamp.
    return messageOf(error);
  }
}

async function read(path: string, bytesMax: number): Promise<string> {
  try {
    // Before it is opened: opening a pipe would wait for whoever writes to it.
    if (!(await stat(path)).isFile()) throw new Failure('invalid', 'not a file');
    const file = await open(path);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(await readAll(file, bytesMax));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Failure('invalid', `file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function readAll(file: FileHandle, bytesMax: number): Promise<Uint8Array> {
  const { size } = await file.stat();
  // One more than it is: what grows meanwhile is read to where it was, and again at the next look.
  const bytes = new Uint8Array(Math.min(size, bytesMax) + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > bytesMax) throw new Failure('invalid', `over ${bytesMax} bytes`);
  return bytes.subarray(0, length);
}
