// The house as data: which room may import which, with the reason where an arrow is narrower than
// a room. `ARCHITECTURE.md` draws the same picture; a new arrow changes both in one commit.

/** May be imported by every room: the error type, and types of what a runtime supplies. */
export const commonFiles = ['src/errors.ts', 'src/platform.ts'];

/** All rooms below `app.ts`. */
const allRooms =
  'api spread ingester query convert phlaredb shipper head block kernel limits auth directory ' +
  'wal bucket model config metrics gen lib';

/**
 * What each room may import besides itself and the common files. A room is a folder of `src` or a
 * file at its top; `room/file.ts` opens one file only; `type:` opens it to `import type` only.
 */
const table: Readonly<Record<string, string>> = {
  // 7: the doors
  'package.ts': 'app.ts version.ts runtime config ingester bucket wal',
  cli: `app.ts version.ts runtime sql ${allRooms}`,
  // The front Worker has an app of its own, objects of one isolate share their pools, and one runs
  // nothing but retention.
  runtime: `app.ts app/front.ts app/pools.ts app/bucket-retention.ts version.ts ${allRooms}`,
  // 6: the only files that see every room
  'app.ts': `app version.ts ${allRooms}`,
  app: `version.ts ${allRooms}`,
  // 5
  api: 'auth ingester query convert limits config metrics model gen lib',
  // 4: names the series of a profile as a head would, before there is a head, and answers label
  // calls over the heads of a tenant together.
  ingester:
    'phlaredb shipper block kernel head/series-plan.ts bucket/bucket.ts ' +
    'bucket/prefixed.ts wal/wal.ts wal/replay.ts limits config metrics model lib',
  query: 'kernel limits metrics model lib',
  // Over several ingesters of one tenant: routes pushes to them, and reads the heads of each.
  spread: 'ingester phlaredb limits model lib',
  convert: 'model gen lib',
  // 3: a database borrows kernels from the pool it is given and lends them to its heads.
  phlaredb: 'head block kernel bucket/bucket.ts wal/wal.ts limits metrics model lib',
  shipper: 'block bucket/bucket.ts metrics lib',
  // 2: these two do not know each other
  head: 'kernel model lib',
  block: 'kernel bucket/bucket.ts model lib',
  // 1
  kernel: 'gen model lib',
  limits: 'config model lib',
  auth: 'config model lib',
  // A record carries final labels; the log stores them and never looks inside.
  wal: 'type:model lib',
  // What is known of all tenants, in the storage of one Durable Object.
  directory: 'type:wal/durable-object-table.ts metrics lib',
  // 0
  bucket: 'lib',
  model: 'lib',
  config: 'lib',
  metrics: 'lib',
  sql: 'lib',
  gen: '',
  lib: '',
  'errors.ts': '',
  'version.ts': '',
  // Names the two interfaces that a runtime hands over.
  'platform.ts': 'type:bucket/bucket.ts type:wal/wal.ts',
};

/** The table with its cells split. */
export const floors: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(table).map(([room, cell]) => [room, cell === '' ? [] : cell.split(' ')]),
);

/** Rooms that may use what only their runtime has. */
export const doorRooms = ['runtime', 'cli'];

/** Implementations of one interface: they never import each other. */
export const drivers: Readonly<Record<string, readonly string[]>> = {
  bucket: ['memory', 'filesystem', 's3', 'r2'],
  wal: ['memory', 'segments', 'durable-object'],
};

/** Drivers that reach a disk, a network or a platform's own store. */
export const runtimeDrivers = [
  'bucket/filesystem',
  'bucket/s3',
  'bucket/r2',
  'wal/segments',
  'wal/durable-object',
];

/** Files whose tools or runtime ask for a default export. */
export const defaultExports: readonly RegExp[] = [
  /\.config\.ts$/,
  // A Worker's handlers.
  /^(src\/runtime\/cloudflare|test\/workers\/worker)\.ts$/,
];

/** Packages that stay behind one room, so that replacing one touches one room. */
export const packageRooms: Readonly<Record<string, readonly string[]>> = {
  // Hundreds of modules, and node:* at load.
  '@aws-sdk/': ['bucket/s3'],
  // A singleton that never shrinks: one owner.
  'parquet-wasm': ['block', 'runtime'],
  'apache-arrow': ['block'],
  // Does not load in workerd.
  'zstd-codec': ['runtime'],
  fzstd: ['runtime'],
  // The API renders the registry a second way, as OpenMetrics.
  'prom-client': ['metrics', 'api'],
  hono: ['api', 'app.ts', 'runtime'],
  '@connectrpc/': ['api'],
};

/** Files that are run or loaded by name, so that nobody imports them. */
export const entryPoints: readonly RegExp[] = [
  // The package's two doors.
  /^src\/cli\/launch\.ts$/,
  /^src\/package\.ts$/,
  // Called by tests and benches alone: the drivers without a disk.
  /^src\/(bucket\/memory|wal\/memory)\.ts$/,
  // The Worker.
  /^src\/runtime\/cloudflare\.ts$/,
  // The head module's border in the build that tests run with red zones.
  /^wasm\/guarded\.ts$/,
  // A contract that lands ahead of what implements it.
  /^src\/convert\/pprof-writer\.ts$/,
  // Declarations for packages without any.
  /\.d\.ts$/,
  // Scripts.
  /\.(mjs|cjs)$/,
  /^test\/bench\/[a-z-]+\.ts$/,
  /^test\/(fixtures|golden)\//,
  // Vitest finds these.
  /^test\/.*\.test\.ts$/,
  /^test\/(global|workers\/s3)-setup\.ts$/,
  /^[a-z.]+\.config\.ts$/,
  // Vitest loads these inside workerd: one takes the place of another, one is the Worker.
  /^test\/workers\/(kernel-modules|worker)\.ts$/,
  // asc compiles from here.
  /^wasm\/(query\/)?index\.ts$/,
];
