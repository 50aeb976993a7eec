// Names that survive a power loss: the fsync of folders. Owns which refusals of it are no reason to
// stop; who needs which name durable, and when, is its caller's knowledge.
import type { FileSystem } from './file-system.ts';

/** Flushes the names in a folder to the disk. */
export async function syncFolder(fileSystem: FileSystem, folder: string): Promise<void> {
  const handle = await fileSystem.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * As `syncFolder`, for folders that are not ours and lead to what is. They were there, so that they
 * are durable most likely: only a process that died right after making them leaves them otherwise.
 */
export async function trySyncFolder(fileSystem: FileSystem, folder: string): Promise<void> {
  try {
    await syncFolder(fileSystem, folder);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/**
 * We may be allowed into a folder without reading it, a sandbox may end below it, and not every
 * file system can flush a folder, or wants to when it is mounted to be read only.
 */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Deno says so without a code.
  if (error.name === 'NotCapable') return true;
  const code = 'code' in error ? error.code : undefined;
  return ['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EROFS'].includes(String(code));
}
