// The lock of a data folder: `<folder>/LOCK` names the one process that may write there. Owns the
// file's format and who may replace it; whether a process lives, `processes.ts` and
// `lock-socket.ts` tell. Not every runtime has flock, so a lock outlives its process and is then
// stale. Each lock has an id, and the only way past a stale one is to create a file named after it,
// which succeeds once: of any number of starters exactly one wins, wherever another is killed.
import { join } from 'node:path';
import * as v from 'valibot';
import { temporaryPrefix } from '../bucket/filesystem-path.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import type { FileSystem } from '../lib/file-system.ts';
import { isAnswered, type LockSocket, openLockSocket } from './lock-socket.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { localProcesses, type Processes } from './processes.ts';

/*
 * LOCK is one JSON object: version, id (UUID), pid, processStart (clock ticks since boot), bootId
 * and pidNamespace where the system tells them, host, since (ISO 8601), and socket: true when the
 * process listens at `LOCK.<first 8 of id>`. It is written to a temporary name, fsynced and
 * hard-linked into place, so that nobody ever reads a part of it.
 *
 * A lock is stale when its process is certainly gone: the machine was started again; its pid is
 * nobody's or another process; or, where its pid means nothing to us (another container on the same
 * machine), nobody answers its socket. In any doubt it is in use.
 *
 * Whoever finds the lock X stale links `.tmp-LOCK.X`, checks that LOCK still holds X, renames its
 * own lock over LOCK and removes `.tmp-LOCK.X`. A starter killed in between leaves `.tmp-LOCK.X`
 * with its own lock Y behind: then Y is the lock to judge, and `.tmp-LOCK.Y` the name to win. Files
 * that nobody removed have no meaning once LOCK has changed; the sweep after a start removes them.
 */
const lockName = 'LOCK';
const successorName = (id: string) => `${temporaryPrefix}${lockName}.${id}`;
const socketPath = (folder: string, id: string) => join(folder, `${lockName}.${id.slice(0, 8)}`);

const schema = v.object({
  version: v.literal(1),
  id: v.pipe(v.string(), v.uuid()),
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  processStart: v.optional(v.string()),
  bootId: v.optional(v.string()),
  pidNamespace: v.optional(v.string()),
  socket: v.optional(v.boolean()),
  host: v.string(),
  since: v.pipe(v.string(), v.isoTimestamp()),
});
type LockRecord = v.InferOutput<typeof schema>;

export interface DataFolderLock {
  /** Removes the lock if it is still ours; may be called again. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** Default: the machine's. */
  processes?: Processes;
  /** Default: the machine's. */
  fileSystem?: FileSystem;
  /** Milliseconds since the epoch; default `Date.now`. */
  nowMs?: () => number;
}

/** Every round means that somebody else got further meanwhile; this many starters never race. */
const roundsMax = 32;

/**
 * Takes the lock of `folder`, which is made when it is missing. Throws `unavailable` when a process
 * that may be alive has it, and when the disk refuses.
 */
export async function lockDataFolder(
  folder: string,
  options: LockOptions = {},
): Promise<DataFolderLock> {
  const { processes = localProcesses, fileSystem = nodeFileSystem, nowMs = Date.now } = options;
  let socket: LockSocket | undefined;
  let isTaken = false;
  try {
    await fileSystem.mkdir(folder, { recursive: true });
    const own = await ownRecord(processes, nowMs());
    for (let round = 0; round < roundsMax; round++) {
      const chain = await readChain(fileSystem, folder);
      const holder = chain.at(-1);
      if (holder !== undefined && !(await isStale(folder, holder, own, processes))) {
        throw inUse(folder, holder);
      }
      // Answered before anybody can read that it is.
      socket ??= await openLockSocket(socketPath(folder, own.id));
      own.socket = socket !== undefined;
      isTaken = await take(fileSystem, folder, own, chain);
      if (isTaken) return { release: () => release(fileSystem, folder, own, socket) };
    }
  } catch (error) {
    if (isFailure(error)) throw error;
    const message = `data folder ${folder} cannot be locked: ${messageOf(error)}`;
    throw new Failure('unavailable', message, { cause: error });
  } finally {
    if (!isTaken) await socket?.close();
  }
  throw new Failure('unavailable', `data folder ${folder} changed hands ${roundsMax} times`);
}

async function ownRecord(processes: Processes, nowMs: number): Promise<LockRecord> {
  const [bootId, pidNamespace, state] = await Promise.all([
    processes.bootId(),
    processes.pidNamespace(),
    processes.stateOf(processes.pid),
  ]);
  const processStart = state === 'gone' ? undefined : state.start;
  return {
    version: 1,
    id: crypto.randomUUID(),
    pid: processes.pid,
    ...(processStart !== undefined && { processStart }),
    ...(bootId !== undefined && { bootId }),
    ...(pidNamespace !== undefined && { pidNamespace }),
    host: processes.host,
    since: new Date(nowMs).toISOString(),
  };
}

/** True only when the process that holds the lock is certainly gone. */
async function isStale(
  folder: string,
  lock: LockRecord,
  own: LockRecord,
  processes: Processes,
): Promise<boolean> {
  const areBootsKnown = lock.bootId !== undefined && own.bootId !== undefined;
  if (areBootsKnown && lock.bootId !== own.bootId) return lock.host === own.host;
  if (!areBootsKnown) return lock.host === own.host && isGone(lock, processes);
  // One machine from here on. Containers are hosts of their own on it, often with equal pids.
  const isSeen = lock.pidNamespace !== undefined || lock.host === own.host;
  if (isSeen && lock.pidNamespace === own.pidNamespace) return isGone(lock, processes);
  return lock.socket === true && !(await isAnswered(socketPath(folder, lock.id)));
}

async function isGone({ pid, processStart }: LockRecord, processes: Processes): Promise<boolean> {
  const state = await processes.stateOf(pid);
  if (state === 'gone') return true;
  return processStart !== undefined && state.start !== undefined && processStart !== state.start;
}

function inUse(folder: string, { pid, host, since }: LockRecord): Failure {
  return new Failure(
    'unavailable',
    `data folder ${folder} is in use by pid ${pid} on host ${host} since ${since}` +
      ` (if that process is gone, remove ${join(folder, lockName)})`,
  );
}

/** LOCK and whoever was to follow it, oldest first: the last one counts. */
async function readChain(fileSystem: FileSystem, folder: string): Promise<LockRecord[]> {
  const chain: LockRecord[] = [];
  for (let name = lockName; chain.length < roundsMax; ) {
    const record = await readRecord(fileSystem, join(folder, name));
    if (record === undefined) return chain;
    chain.push(record);
    name = successorName(record.id);
  }
  throw new Failure('corrupt', `data folder ${folder} has more than ${roundsMax} lock files`);
}

async function readRecord(fileSystem: FileSystem, path: string): Promise<LockRecord | undefined> {
  let text: string;
  try {
    text = await readText(fileSystem, path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (error) {
    const why = `${messageOf(error)} (if no phlox runs there, remove it)`;
    throw new Failure('corrupt', `lock file ${path} is not readable: ${why}`, { cause: error });
  }
}

/** True when the lock is ours; false when somebody was faster, who may have it or not. */
async function take(
  fileSystem: FileSystem,
  folder: string,
  own: LockRecord,
  chain: readonly LockRecord[],
): Promise<boolean> {
  const successors = chain.map(({ id }) => join(folder, successorName(id)));
  const claim = successors.at(-1) ?? join(folder, lockName);
  const written = join(folder, `${temporaryPrefix}${lockName}-${own.id}`);
  await writeSynced(fileSystem, written, `${JSON.stringify(own)}\n`);
  try {
    if (!(await linkIfAbsent(fileSystem, written, claim))) return false;
    if (chain.length === 0) return true;
    // A starter that got here long after it read the chain could find the name free again.
    const now = await readChain(fileSystem, folder);
    const expected = [...chain, own];
    const isUnchanged =
      now.length === expected.length && now.every(({ id }, i) => id === expected[i]?.id);
    if (!isUnchanged) {
      await unlinkIfThere(fileSystem, claim);
      return false;
    }
    await fileSystem.rename(written, join(folder, lockName));
    for (const successor of successors) await unlinkIfThere(fileSystem, successor);
    for (const { id } of chain) await unlinkIfThere(fileSystem, socketPath(folder, id));
    return true;
  } finally {
    await unlinkIfThere(fileSystem, written);
  }
}

async function release(
  fileSystem: FileSystem,
  folder: string,
  own: LockRecord,
  socket: LockSocket | undefined,
): Promise<void> {
  const path = join(folder, lockName);
  const record = await readRecord(fileSystem, path);
  if (record?.id === own.id) await unlinkIfThere(fileSystem, path);
  await socket?.close();
}

async function readText(fileSystem: FileSystem, path: string): Promise<string> {
  const file = await fileSystem.open(path, 'r');
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    await file.close();
  }
}

async function writeSynced(fileSystem: FileSystem, path: string, text: string): Promise<void> {
  const file = await fileSystem.open(path, 'wx');
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; ) {
      at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
    }
    // A name that survives a power loss must not outlive its content.
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * False when a file has the name, or when the holder of the folder has swept ours away as left
 * behind by a dead process.
 */
async function linkIfAbsent(
  fileSystem: FileSystem,
  path: string,
  target: string,
): Promise<boolean> {
  try {
    await fileSystem.link(path, target);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST') || hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function unlinkIfThere(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === code;
}
