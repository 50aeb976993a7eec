// The lock of a data folder: one process has it, a dead one's is replaced, and only once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../src/errors.ts';
import { type LockOptions, lockDataFolder } from '../../../src/runtime/lock.ts';
import { localProcesses, type Processes, parseStat } from '../../../src/runtime/processes.ts';
import { temporaryFolder } from '../../support/duckdb.ts';

const sinceMs = Date.UTC(2026, 0, 2, 3, 4, 5);

interface Machine {
  host: string;
  boot: string | undefined;
  /** Containers have their own: they see no process of another one. */
  pidNamespace: string | undefined;
  /** Start of each live process by its pid. */
  alive: Map<number, string | undefined>;
}

function machine(changes: Partial<Machine> = {}): Machine {
  return { host: 'box', boot: 'boot-1', pidNamespace: 'pid:[1]', alive: new Map(), ...changes };
}

/** What the process `pid` of the machine sees; it is alive from now on. */
function processOn(on: Machine, pid: number, start: string | undefined = `${pid}00`): LockOptions {
  on.alive.set(pid, start);
  const processes: Processes = {
    pid,
    host: on.host,
    bootId: async () => on.boot,
    pidNamespace: async () => on.pidNamespace,
    stateOf: async (other) => (on.alive.has(other) ? { start: on.alive.get(other) } : 'gone'),
  };
  return { processes, nowMs: () => sinceMs };
}

/** `taken`, or the kind of the Failure. */
function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'taken',
    (error: unknown) => {
      if (!isFailure(error)) throw error;
      return error.kind;
    },
  );
}

async function holderOf(folder: string): Promise<{ id: string; pid: number }> {
  return JSON.parse(await readFile(join(folder, 'LOCK'), 'utf8'));
}

/** Nothing is left in the folder but the lock and the socket of whoever has it. */
async function expectTidy(folder: string): Promise<void> {
  const { id } = await holderOf(folder);
  expect((await readdir(folder)).sort()).toEqual(['LOCK', `LOCK.${id.slice(0, 8)}`]);
}

describe('the lock of a data folder', () => {
  it('makes the folder, says who has it, and is gone when released', async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, 'a/data');
    const lock = await lockDataFolder(data, processOn(machine(), 123));
    expect(JSON.parse(await readFile(join(data, 'LOCK'), 'utf8'))).toEqual({
      version: 1,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      pid: 123,
      processStart: '12300',
      bootId: 'boot-1',
      pidNamespace: 'pid:[1]',
      socket: true,
      host: 'box',
      since: '2026-01-02T03:04:05.000Z',
    });
    await expectTidy(data);
    await lock.release();
    await lock.release();
    expect(await readdir(data)).toEqual([]);
  });

  it('refuses a second process in one line that names the first', async () => {
    await using folder = await temporaryFolder();
    const box = machine();
    await lockDataFolder(folder.path, processOn(box, 123));
    await expect(lockDataFolder(folder.path, processOn(box, 124))).rejects.toMatchObject({
      kind: 'unavailable',
      message:
        `data folder ${folder.path} is in use by pid 123 on host box ` +
        `since 2026-01-02T03:04:05.000Z (if that process is gone, remove ${folder.path}/LOCK)`,
    });
    expect((await holderOf(folder.path)).pid).toBe(123);
    await expectTidy(folder.path);
  });

  it('refuses its own process a second time', async () => {
    await using folder = await temporaryFolder();
    const options = processOn(machine(), 123);
    await lockDataFolder(folder.path, options);
    expect(await outcomeOf(lockDataFolder(folder.path, options))).toBe('unavailable');
  });

  it.each<[what: string, change: (box: Machine) => void, outcome: string]>([
    ['its process is gone', (box) => box.alive.delete(123), 'taken'],
    ['its pid is another process by now', (box) => box.alive.set(123, '777'), 'taken'],
    ['the machine was started again', (box) => Object.assign(box, { boot: 'boot-2' }), 'taken'],
    ['the process hides its start', (box) => box.alive.set(123, undefined), 'unavailable'],
    [
      'this host has another name by now',
      (box) => Object.assign(box, { host: 'b' }),
      'unavailable',
    ],
    [
      'its process is gone and this host has another name by now',
      (box) => box.alive.delete(123) && Object.assign(box, { host: 'b' }),
      'taken',
    ],
    [
      'another machine has it',
      (box) => Object.assign(box, { host: 'b', boot: 'boot-b', alive: new Map() }),
      'unavailable',
    ],
    [
      'nothing tells boots apart and another machine has it',
      (box) => Object.assign(box, { host: 'b', boot: undefined, alive: new Map() }),
      'unavailable',
    ],
    ['nothing has changed', () => undefined, 'unavailable'],
  ])('when %s: it is %s', async (_what, change, outcome) => {
    await using folder = await temporaryFolder();
    const box = machine();
    await lockDataFolder(folder.path, processOn(box, 123));
    change(box);
    const next = processOn(box, 124);
    expect(await outcomeOf(lockDataFolder(folder.path, next))).toBe(outcome);
    expect((await holderOf(folder.path)).pid).toBe(outcome === 'taken' ? 124 : 123);
    await expectTidy(folder.path);
  });

  it('goes by the pid alone where nothing tells boots and starts apart', async () => {
    await using folder = await temporaryFolder();
    const box = machine({ boot: undefined, pidNamespace: undefined });
    const bare = (pid: number) => processOn(box, pid, undefined);
    box.alive.clear();
    await lockDataFolder(folder.path, bare(123));
    expect(await outcomeOf(lockDataFolder(folder.path, bare(124)))).toBe('unavailable');
    box.alive.delete(123);
    expect(await outcomeOf(lockDataFolder(folder.path, bare(124)))).toBe('taken');
  });

  it('does not remove the lock of somebody else on release', async () => {
    await using folder = await temporaryFolder();
    const box = machine();
    const lost = await lockDataFolder(folder.path, processOn(box, 123));
    box.alive.delete(123);
    await lockDataFolder(folder.path, processOn(box, 124));
    await lost.release();
    expect((await holderOf(folder.path)).pid).toBe(124);
  });

  it('names a lock file that nobody can read and leaves it alone', async () => {
    await using folder = await temporaryFolder();
    for (const text of ['', '{"version":1', '{"version":2}', '{"version":1,"id":"../x"}']) {
      await writeFile(join(folder.path, 'LOCK'), text);
      const attempt = lockDataFolder(folder.path, processOn(machine(), 123));
      await expect(attempt).rejects.toMatchObject({
        kind: 'corrupt',
        message: expect.stringContaining(`${folder.path}/LOCK`),
      });
      expect(await readFile(join(folder.path, 'LOCK'), 'utf8')).toBe(text);
    }
  });

  it('says why a folder cannot be locked', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await expect(lockDataFolder(file)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^data folder .*file cannot be locked: /),
    });
  });
});

describe('a lock between containers of one machine', () => {
  const other = (changes: Partial<Machine> = {}) =>
    machine({ host: 'container-2', pidNamespace: 'pid:[2]', ...changes });

  it.each([
    ['of another name', 'container-2'],
    ['of the same name', 'box'],
  ])(
    'is in use in one %s while its process lives, whatever its pid is there',
    async (_what, host) => {
      await using folder = await temporaryFolder();
      const lock = await lockDataFolder(folder.path, processOn(machine(), 1));
      const next = processOn(other({ host }), 1);
      expect(await outcomeOf(lockDataFolder(folder.path, next))).toBe('unavailable');
      await expectTidy(folder.path);
      await lock.release();
      expect(await outcomeOf(lockDataFolder(folder.path, next))).toBe('taken');
    },
  );

  it('is stale once its process was killed', async () => {
    await using folder = await temporaryFolder();
    const lock = await lockDataFolder(folder.path, processOn(machine(), 1));
    const { id } = await holderOf(folder.path);
    const path = join(folder.path, 'LOCK');
    const socket = `${path}.${id.slice(0, 8)}`;
    // A killed process leaves both files, and nobody listens: a release would remove them.
    await link(path, `${path}-kept`);
    await link(socket, `${socket}-kept`);
    await lock.release();
    await rename(`${path}-kept`, path);
    await rename(`${socket}-kept`, socket);
    await lockDataFolder(folder.path, processOn(other(), 1));
    expect((await holderOf(folder.path)).id).not.toBe(id);
    await expectTidy(folder.path);
  });

  it('is in use when nothing can tell', async () => {
    await using folder = await temporaryFolder();
    await lockDataFolder(folder.path, processOn(machine(), 1));
    const path = join(folder.path, 'LOCK');
    const record = await holderOf(folder.path);
    await rm(`${path}.${record.id.slice(0, 8)}`);
    const attempt = () => outcomeOf(lockDataFolder(folder.path, processOn(other(), 1)));
    expect(await attempt()).toBe('unavailable');
    await writeFile(path, JSON.stringify({ ...record, socket: false }));
    expect(await attempt()).toBe('unavailable');
  });

  it('goes by pids alone where the path is too long for a socket', async () => {
    await using folder = await temporaryFolder();
    const deep = join(folder.path, 'd'.repeat(120));
    const box = machine();
    await lockDataFolder(deep, processOn(box, 1));
    expect(await readdir(deep)).toEqual(['LOCK']);
    expect(await holderOf(deep)).toMatchObject({ socket: false });
    expect(await outcomeOf(lockDataFolder(deep, processOn(box, 2)))).toBe('unavailable');
    box.alive.delete(1);
    expect(await outcomeOf(lockDataFolder(deep, processOn(box, 2)))).toBe('taken');
  });
});

describe('starters that race', () => {
  it('let exactly one have a new folder', async () => {
    await using folder = await temporaryFolder();
    const box = machine();
    const attempts = Array.from({ length: 8 }, (_, i) =>
      outcomeOf(lockDataFolder(folder.path, processOn(box, 200 + i))),
    );
    const outcomes = (await Promise.all(attempts)).sort();
    expect(outcomes).toEqual(['taken', ...Array<string>(7).fill('unavailable')]);
    await expectTidy(folder.path);
  });

  it('let exactly one have the lock of a dead process, time after time', async () => {
    await using folder = await temporaryFolder();
    const box = machine();
    for (let round = 1; round <= 12; round++) {
      const pids = Array.from({ length: 6 }, (_, i) => round * 10 + i);
      const attempts = pids.map((pid) =>
        outcomeOf(lockDataFolder(folder.path, processOn(box, pid))),
      );
      const outcomes = await Promise.all(attempts);
      const winners = pids.filter((_, i) => outcomes[i] === 'taken');
      expect([round, winners]).toEqual([round, [(await holderOf(folder.path)).pid]]);
      await expectTidy(folder.path);
      for (const pid of pids) box.alive.delete(pid);
    }
  });

  it('wait for nobody who was killed between winning and finishing', async () => {
    await using folder = await temporaryFolder();
    const box = machine();
    await lockDataFolder(folder.path, processOn(box, 123));
    const first = await holderOf(folder.path);
    // What 124 leaves behind when it is killed after its link: its lock under the dead one's name.
    const second = { ...first, id: crypto.randomUUID(), pid: 124, processStart: '12400' };
    await writeFile(join(folder.path, `.tmp-LOCK.${first.id}`), JSON.stringify(second));
    box.alive.delete(123);

    box.alive.set(124, '12400');
    expect(await outcomeOf(lockDataFolder(folder.path, processOn(box, 125)))).toBe('unavailable');
    box.alive.delete(124);
    expect(await outcomeOf(lockDataFolder(folder.path, processOn(box, 125)))).toBe('taken');
    expect((await holderOf(folder.path)).pid).toBe(125);
    await expectTidy(folder.path);
  });

  it('refuse one that judged a lock which has changed hands since', async () => {
    await using folder = await temporaryFolder();
    const box = machine();
    await lockDataFolder(folder.path, processOn(box, 123));
    box.alive.delete(123);
    // The slow one has read the stale lock; before it acts, a faster one takes it.
    const slow = processOn(box, 124);
    const fast = processOn(box, 125);
    const { processes } = slow;
    let isFirst = true;
    const stateOf = async (pid: number) => {
      if (pid === 123 && isFirst) {
        isFirst = false;
        await lockDataFolder(folder.path, fast);
      }
      return (processes as Processes).stateOf(pid);
    };
    const attempt = lockDataFolder(folder.path, {
      ...slow,
      processes: { ...(processes as Processes), stateOf },
    });
    expect(await outcomeOf(attempt)).toBe('unavailable');
    expect((await holderOf(folder.path)).pid).toBe(125);
    await expectTidy(folder.path);
  });
});

describe('the processes of this machine', () => {
  it('hold the lock while they live and lose it when they are killed', async () => {
    await using folder = await temporaryFolder();
    const child = spawn('sleep', ['60']);
    try {
      const { pid = -1 } = child;
      await lockDataFolder(folder.path, { processes: { ...localProcesses, pid } });
      expect(await outcomeOf(lockDataFolder(folder.path))).toBe('unavailable');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const lock = await lockDataFolder(folder.path);
      expect((await holderOf(folder.path)).pid).toBe(process.pid);
      await lock.release();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('are read from /proc whatever their command is called', () => {
    const rest = `1 1 1 0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 501854 3133440 393`;
    expect(parseStat(`7 (cat) R ${rest}`)).toEqual({ start: '501854' });
    expect(parseStat(`7 (a) Z (b) S ${rest}`)).toEqual({ start: '501854' });
    expect(parseStat(`7 (cat) Z ${rest}`)).toBe('gone');
  });
});
