// What this machine tells about its processes: which boot it runs, and which process a number
// stands for. Owns the reading of /proc; elsewhere than on Linux only liveness is known.
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import process from 'node:process';

/** `gone`; or alive, with what tells it from another process that had the number before. */
export type ProcessState = 'gone' | { start: string | undefined };

export interface Processes {
  readonly pid: number;
  readonly host: string;
  /** Changes with every start of the machine; undefined where nothing tells. */
  bootId(): Promise<string | undefined>;
  /** Two processes with the same one see each other's numbers; undefined where nothing tells. */
  pidNamespace(): Promise<string | undefined>;
  stateOf(pid: number): Promise<ProcessState>;
}

/** The processes that this one can see. */
export const localProcesses: Processes = {
  pid: process.pid,
  host: hostname(),
  bootId: async () => {
    return (await ifThere(() => readFile('/proc/sys/kernel/random/boot_id', 'utf8')))?.trim();
  },
  pidNamespace: () => ifThere(() => readlink('/proc/self/ns/pid')),
  async stateOf(pid) {
    const stat = await ifThere(() => readFile(`/proc/${pid}/stat`, 'utf8'));
    if (stat !== undefined) return parseStat(stat);
    // No /proc, or one that hides the processes of others: a signal still tells who is there.
    return isAlive(pid) ? { start: undefined } : 'gone';
  },
};

/**
 * Reads `/proc/<pid>/stat`, whose second field, the command in parentheses, may hold anything.
 * Field 3 is the state, field 22 the start in clock ticks since boot:
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function parseStat(stat: string): ProcessState {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  const [state = ''] = fields;
  // A zombie runs no more; only its parent has not asked yet how it ended.
  return state === 'Z' || state === 'X' ? 'gone' : { start: fields[22 - 3] };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Refused means that there is somebody to refuse.
    if (codeOf(error) === 'EPERM') return true;
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

async function ifThere(read: () => Promise<string>): Promise<string | undefined> {
  try {
    return await read();
  } catch (error) {
    // A process that ends while it is read answers ESRCH.
    // Deno opens /proc only to those that may do everything.
    if (error instanceof Error && error.name === 'NotCapable') return undefined;
    const code = codeOf(error);
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ESRCH'].includes(code)) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : '';
}
