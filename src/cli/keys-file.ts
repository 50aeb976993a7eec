// The file of keys on a local disk: read whole, replaced whole. Owns that a server that reads it
// meanwhile sees the old or the new file, never a half of one, that only its owner may read what is
// made, and that two editors do not undo each other.
import { type FileHandle, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatKeys, type KeyEntry, parseKeys } from '../auth/keys.ts';
import { Failure, messageOf } from '../errors.ts';
import { trySyncFolder } from '../lib/durable-folder.ts';
import { nodeFileSystem } from '../runtime/node-file-system.ts';

const ownerOnly = 0o600;

/** The entries of a file. Throws `invalid` when it is not there or makes no sense. */
export async function readKeys(path: string): Promise<KeyEntry[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure('invalid', `keys file ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return parseKeys(text);
  } catch (error) {
    throw new Failure('invalid', `keys file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Replaces the file by what `edit` makes of it; a file that is not there has no keys. */
export async function editKeys(
  path: string,
  edit: (entries: readonly KeyEntry[]) => KeyEntry[],
): Promise<void> {
  // A link stays one, and the file behind it is replaced.
  const target = (await ignoringMissing(realpath(path))) ?? path;
  const temporary = `${target}.new`;
  const handle = await openNew(temporary);
  try {
    try {
      const known = await ignoringMissing(stat(target));
      const entries = known === undefined ? [] : await readKeys(target);
      const text = formatKeys(edit(entries));
      if (known !== undefined) await handle.chmod(known.mode & 0o777);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await trySyncFolder(nodeFileSystem, dirname(target));
}

/** The new file is the lock as well: who finds it there is not alone. */
async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', ownerOnly);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      const message = `${path} is there: the keys are being edited, or remove it`;
      throw new Failure('unavailable', message, { cause: error });
    }
    throw new Failure('invalid', `keys file: ${messageOf(error)}`, { cause: error });
  }
}

async function ignoringMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}
