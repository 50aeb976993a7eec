// A real disk of a few MiB that a test may fill: a tmpfs, where the machine lets us mount one. Owns
// the mount: it goes when the test ends, or when the process that made it does.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Makes or grows the ballast file to so many bytes. */
  fill(bytes: number): Promise<void>;
  /** Removes the ballast. */
  free(): Promise<void>;
}

const mounted = new Set<string>();
process.on('exit', () => {
  for (const path of mounted) unmount(path);
});

/** Why `mountSmallDisk` cannot work here, in one line; undefined when it can. */
export function smallDiskObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has tmpfs';
  if (process.getuid?.() !== 0) return 'mounting takes root';
  try {
    const path = mount(1);
    unmount(path);
    return undefined;
  } catch (error) {
    // Containers have root and may not mount all the same.
    return `mounting is refused: ${String(error).split('\n')[0]}`;
  }
}

/** An empty disk; its owner disposes of it after whoever writes there has ended. */
export function mountSmallDisk(mebibytes: number): SmallDisk {
  const path = mount(mebibytes);
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: async (bytes) => {
      const file = await open(ballast, 'a');
      const zeros = new Uint8Array(2 ** 20);
      try {
        for (let left = bytes - (await file.stat()).size; left > 0; left -= zeros.length) {
          await file.writeFile(zeros.subarray(0, Math.min(left, zeros.length)));
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast),
    [Symbol.asyncDispose]: async () => unmount(path),
  };
}

function mount(mebibytes: number): string {
  const path = mkdtempSync(join(tmpdir(), 'phlox-disk-'));
  try {
    const args = ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', path];
    execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  mounted.add(path);
  return path;
}

function unmount(path: string): void {
  if (!mounted.delete(path) || !existsSync(path)) return;
  execFileSync('umount', [path]);
  rmdirSync(path);
}
