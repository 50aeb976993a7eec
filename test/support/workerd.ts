// The Worker as it is deployed, in workerd with miniflare's stores on disk, without an account.
// Owns the bundle, which `wrangler` makes, and every process that it starts.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Miniflare } from 'miniflare';
import { type R2Binding, R2Bucket } from '../../src/bucket/r2.ts';
import { temporaryFolder } from './duckdb.ts';
import { openLimitsPath } from './open-limits.ts';
import { openHeap, type WorkerHeap } from './worker-heap.ts';
import { countedWorker, measuredWorker, mortalWorker, probeModule } from './worker-wrappers.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const wrangler = join(repository, 'node_modules/wrangler/bin/wrangler.js');
const buildMsMax = 120_000;

/** Bundles the Worker into `folder`, as a deployment would; answers what wrangler said. */
export async function buildWorker(folder: string): Promise<string> {
  const args = [wrangler, 'deploy', '--dry-run', '--minify', '--outdir', folder];
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
  const options = { cwd: repository, env, timeout: buildMsMax };
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  return stdout;
}

/** The bundle, what was said of it, and a folder for what is made with it; all go together. */
export interface BuiltWorker extends AsyncDisposable {
  path: string;
  bundle: string;
  said: string;
}

/** Bundles the Worker into a folder of its own. */
export async function builtWorker(): Promise<BuiltWorker> {
  const folder = await temporaryFolder();
  const bundle = join(folder.path, 'bundle');
  const said = await buildWorker(bundle);
  return {
    path: folder.path,
    bundle,
    said,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

export interface WorkerOptions {
  /** Of `buildWorker`. */
  bundle: string;
  /** Where objects and bucket are stored; absolute. */
  folder: string;
  /** Variables of the Worker; default: `openVariables`. */
  variables?: Readonly<Record<string, string>>;
  /**
   * `abort` and `end` may be called; `POST /test/scheduled/MS` is the cron trigger at that time.
   * Answers tell `x-object-ms`.
   */
  isMortal?: boolean;
  /** Without the binding, as a `wrangler.toml` of an earlier version. */
  isWithoutDirectory?: boolean;
  /** The memory of the isolate can be asked for. */
  isMeasured?: boolean;
  /** At a socket of its own, past miniflare's door; `/test/bucket` tells the calls of R2. */
  isBare?: boolean;
}

export interface Worker {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  bucketKeys(): Promise<string[]>;
  /** Ends an object by its name, as the platform may; rejects when it did not end. */
  abort(object: string): Promise<void>;
  /** Ends the one object of a binding. */
  end(binding: 'DIRECTORY' | 'RETENTION'): Promise<void>;
  /** Present when it is measured. */
  readonly heap: WorkerHeap | undefined;
  /** Copies what is in the bucket below `folder`. */
  copyBucket(folder: string): Promise<void>;
  /** Ends workerd as SIGKILL does, and what belongs to it. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Without keys, tenants by header, no limits. */
export const openVariables = {
  PHLOX_INSECURE: 'true',
  PHLOX_MULTITENANCY: 'true',
  PHLOX_LOG_LEVEL: 'error',
  PHLOX_LIMITS: readFileSync(openLimitsPath, 'utf8'),
};

/** The same, but with these limits. */
export function limitedBy(limits: object): Readonly<Record<string, string>> {
  return { ...openVariables, PHLOX_LIMITS: JSON.stringify(limits) };
}

/** Starts workerd; resolves once it answers. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { bundle, folder, variables = openVariables } = options;
  const { isMeasured = false, isBare = false } = options;
  const before = new Set(workerdPids());
  const miniflare = new Miniflare({
    modulesRoot: bundle,
    modules: [
      ...wrappersOf(options).map(([name, contents]) => ({
        type: 'ESModule' as const,
        path: join(bundle, name),
        contents,
      })),
      { type: 'ESModule', path: join(bundle, 'cloudflare.js') },
      ...readdirSync(bundle)
        .filter((name) => name.endsWith('.wasm'))
        .map((name) => ({ type: 'CompiledWasm' as const, path: join(bundle, name) })),
    ],
    compatibilityDate: '2026-04-20',
    compatibilityFlags: ['nodejs_compat'],
    host: '127.0.0.1',
    port: 0,
    ...(isMeasured && { inspectorPort: 0 }),
    ...(isBare && { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] }),
    // Otherwise it asks the network where it is.
    cf: false,
    durableObjects: {
      TENANTS: { className: 'TenantObject', useSQLite: true },
      ...(!options.isWithoutDirectory && {
        DIRECTORY: { className: 'DirectoryObject', useSQLite: true },
      }),
      RETENTION: { className: 'RetentionObject', useSQLite: true },
    },
    durableObjectsPersist: join(folder, 'objects'),
    r2Buckets: ['BUCKET'],
    r2Persist: join(folder, 'bucket'),
    bindings: { ...variables },
    handleRuntimeStdio: () => undefined,
  });
  const address = await miniflare.ready;
  const door = isBare ? await miniflare.unsafeGetDirectURL() : address;
  const url = door.toString().replace(/\/$/, '');
  const pids = workerdPids().filter((pid) => !before.has(pid));
  const heap = isMeasured ? await openHeap(await miniflare.getInspectorURL(), url) : undefined;
  const endBy = async (path: string) => {
    const response = await fetch(url + path, { method: 'POST' });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
  };
  return {
    url,
    abort: (object) => endBy(`/test/abort/${object}`),
    end: (binding) => endBy(`/test/end/${binding}`),
    bucketKeys: async () => keysIn(await bucketOf(miniflare)),
    heap,
    copyBucket: (target) => copyBucket(miniflare, target),
    kill: async () => {
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await miniflare.dispose();
    },
    stop: () => miniflare.dispose(),
  };
}

/** By their names, the one that is served first. */
function wrappersOf(options: WorkerOptions): [string, string][] {
  const { isMortal, isMeasured, isBare } = options;
  if (isBare) return [['counted.js', countedWorker]];
  if (isMortal) return [['mortal.js', mortalWorker]];
  if (!isMeasured) return [];
  return [
    ['measured.js', measuredWorker],
    ['probe.js', probeModule],
  ];
}

/** Processes of workerd that this one started. */
function workerdPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [, name, , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(statOf(pid)) ?? [];
      return name === 'workerd' && Number(parent) === process.pid;
    })
    .map(Number);
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It has ended since it was listed.
    return '';
  }
}

async function copyBucket(miniflare: Miniflare, folder: string): Promise<void> {
  const bucket = await bucketOf(miniflare);
  for (const key of await keysIn(bucket)) {
    const path = join(folder, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await bucket.get(key));
  }
}

async function bucketOf(miniflare: Miniflare): Promise<R2Bucket> {
  // Its type is of a package of types that is not compatible with the DOM's.
  const binding = (await miniflare.getR2Bucket('BUCKET')) as unknown as R2Binding;
  return new R2Bucket(binding, 'BUCKET');
}

async function keysIn(bucket: R2Bucket): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await bucket.list('', cursor === undefined ? {} : { cursor });
    keys.push(...page.objects.map(({ key }) => key));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
}
