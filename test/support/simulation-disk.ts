// A model disk on which each call takes its turn: between any two of them anything may happen, a
// power loss included.
import type { FileHandle, FileSystem } from '../../src/lib/file-system.ts';
import type { Scheduler } from './simulation-scheduler.ts';

/** Every call waits for its turn first. */
export function scheduledDisk(disk: FileSystem, scheduler: Scheduler): FileSystem {
  const turn = (name: string) => scheduler.turn(name);
  return {
    open: async (path, flags) => {
      await turn('open');
      return scheduledHandle(await disk.open(path, flags), turn);
    },
    mkdir: (path, options) => turn('mkdir').then(() => disk.mkdir(path, options)),
    rmdir: (path) => turn('rmdir').then(() => disk.rmdir(path)),
    rm: (path, options) => turn('rm').then(() => disk.rm(path, options)),
    rename: (from, to) => turn('rename').then(() => disk.rename(from, to)),
    link: (existing, made) => turn('link').then(() => disk.link(existing, made)),
    unlink: (path) => turn('unlink').then(() => disk.unlink(path)),
    readdir: (path, options) => turn('readdir').then(() => disk.readdir(path, options)),
    stat: (path) => turn('stat').then(() => disk.stat(path)),
    statfs: (path) => turn('statfs').then(() => disk.statfs(path)),
  };
}

function scheduledHandle(file: FileHandle, turn: (name: string) => Promise<void>): FileHandle {
  return {
    write: (buffer, offset, length, position) =>
      turn('write').then(() => file.write(buffer, offset, length, position)),
    read: (buffer, offset, length, position) =>
      turn('read').then(() => file.read(buffer, offset, length, position)),
    sync: () => turn('sync').then(() => file.sync()),
    datasync: () => turn('datasync').then(() => file.datasync()),
    stat: () => turn('fstat').then(() => file.stat()),
    truncate: (bytes) => turn('truncate').then(() => file.truncate(bytes)),
    close: () => turn('close').then(() => file.close()),
  };
}
