// What a test does to the model disk besides using it: stops it after some operation, makes calls
// fail, has an fsync do nothing. Owns the counting of operations and the names of fsync calls.

/** Kinds of calls; `change` counts all that may change the disk or make a change durable. */
export type OperationKind =
  | 'change'
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'mkdir'
  | 'rmdir'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'readdir'
  | 'stat'
  | 'close';

export interface Fault {
  kind: OperationKind;
  /** The first call of this kind that fails, counted from 0 and from now; default 0. */
  at?: number;
  /** How many fail in a row; default 1. */
  count?: number;
  code: 'EIO' | 'ENOSPC' | 'EROFS' | 'EDQUOT' | 'EMFILE';
}

interface SetFault {
  kind: OperationKind;
  from: number;
  to: number;
  code: Fault['code'];
}

const texts: Readonly<Record<string, string>> = {
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
};

/** An error as the system gives it. */
export function systemError(code: string, call: string, path: string): Error {
  const text = `${code}: ${texts[code] ?? 'unknown error'}, ${call} '${path}'`;
  return Object.assign(new Error(text), { code, syscall: call, path });
}

export class DiskControl {
  /** Operations of kind `change` so far. */
  operations = 0;
  /** Resolves when the disk has stopped. */
  readonly stopped: Promise<void>;
  /** The fsync calls so far, by `syncSite`, when `isTracing`. */
  readonly syncSites: string[] = [];
  isTracing = false;
  #ignoredSite: string | undefined;
  #stop: () => void = () => undefined;
  #isStopped = false;
  #stopAt = Number.POSITIVE_INFINITY;
  #faults: SetFault[] = [];
  readonly #counts = new Map<OperationKind, number>();

  constructor() {
    this.stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whoever waits for a call from now on waits for ever, as nobody survives a power loss. */
  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  /** Stops in place of the operation with this index, counted from 0. */
  stopAt(index: number): void {
    this.#stopAt = index;
  }

  fail({ kind, at = 0, count = 1, code }: Fault): void {
    const from = (this.#counts.get(kind) ?? 0) + at;
    this.#faults.push({ kind, from, to: from + count, code });
  }

  /** No call fails any more, unless asked for again. */
  mend(): void {
    this.#faults = [];
  }

  /** From now on the fsync calls of this site answer without doing anything. */
  ignoreSync(site: string): void {
    this.#ignoredSite = site;
  }

  /** Called by each fsync before its first wait, while the stack still tells who asked. */
  isSyncIgnored(): boolean {
    if (!this.isTracing && this.#ignoredSite === undefined) return false;
    const site = syncSite();
    if (this.isTracing) this.syncSites.push(site);
    return site === this.#ignoredSite;
  }

  /** Counts a call; answers the code with which it is to fail. */
  begin(kind: OperationKind, isChange: boolean): Fault['code'] | undefined {
    if (isChange) {
      if (this.operations === this.#stopAt) this.stop();
      if (this.#isStopped) return undefined;
      this.operations += 1;
    }
    const codes = [this.#count(kind), isChange ? this.#count('change') : undefined];
    return codes.find((code) => code !== undefined);
  }

  #count(kind: OperationKind): Fault['code'] | undefined {
    const index = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, index + 1);
    const hit = (fault: SetFault) => fault.kind === kind && index >= fault.from && index < fault.to;
    return this.#faults.find(hit)?.code;
  }
}

/** Names of sites by the places in the transformed code, which cost less to find. */
const siteNames = new Map<string, string>();

/**
 * Who called fsync, innermost first: `syncFolder filesystem-disk.ts:95 < commit …`. Takes in the
 * waiting callers too, which only V8 tells, and leaves out whatever is not in `src`.
 */
function syncSite(): string {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = 50;
  try {
    // Vitest's own way of writing stacks reads source maps each time.
    Error.prepareStackTrace = (_error, sites) =>
      sites.map((site) => `${site.getFileName()}:${site.getPosition()}`).join(' ');
    const places = new Error('where').stack ?? '';
    Error.prepareStackTrace = prepareStackTrace;
    const known = siteNames.get(places) ?? namesIn(new Error('where').stack ?? '');
    siteNames.set(places, known);
    return known;
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
}

function namesIn(stack: string): string {
  const frame = /at (?:async )?(?:(?:new )?(\S+) .*)?\(?[^(]*\/src\/[^(]*?([^/]+\.ts):(\d+)/;
  const frames = stack.split('\n').flatMap((line) => {
    const found = frame.exec(line);
    return found === null ? [] : `${found[1] ?? '(anonymous)'} ${found[2]}:${found[3]}`;
  });
  // A call of itself, however deep, is one site.
  return frames.filter((text, at) => text !== frames[at - 1]).join(' < ');
}
