// A Platform without a runtime: memory buckets, the memory log, a clock that stands still until it
// is moved. For tests of everything above the drivers; what fails is injected by replacing a part.
import { MemoryBucket } from '../../src/bucket/memory.ts';
import type { Settings } from '../../src/config/settings.ts';
import { resolveSettings } from '../../src/config/settings.ts';
import { Failure } from '../../src/errors.ts';
import type { EditedFile, Platform } from '../../src/platform.ts';
import { gunzip, gzip } from '../../src/runtime/gzip.ts';
import { loadParquetModule } from '../../src/runtime/parquet-module.ts';
import { sha256 } from '../../src/runtime/sha256.ts';
import { createZstd } from '../../src/runtime/zstd.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { kernelModules } from './kernel-modules.ts';
import { openLimitsPath, openLimitsText } from './open-limits.ts';

export interface TestPlatform extends Platform {
  localBucket: MemoryBucket;
  remoteBucket: MemoryBucket | undefined;
  wal: MemoryWal;
  /** Log lines so far, parsed. */
  readonly lines: Record<string, unknown>[];
  /** What `editedFile` finds, by path: each change of a text is seen. */
  readonly files: Map<string, string>;
  /** Moves wall time. */
  advance(ms: number): void;
}

/** 2026-01-02T03:04:05Z: far from any hour's boundary. */
export const testStartMs = 1_767_323_045_000;

export async function memoryPlatform(parts: Partial<Platform> = {}): Promise<TestPlatform> {
  let nowMs = testStartMs;
  const lines: Record<string, unknown>[] = [];
  const files = new Map([[openLimitsPath, openLimitsText]]);
  const platform: Platform = {
    runtimeName: 'test',
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    random: (bytes) => crypto.getRandomValues(bytes),
    sleep: (ms, signal) => sleep(ms, signal),
    yield: () => new Promise((resolve) => setImmediate(resolve)),
    gunzip,
    gzip,
    unzstd: await createZstd(),
    sha256,
    headModule: kernelModules.head,
    queryModule: kernelModules.query,
    parquetModule: await loadParquetModule(),
    localBucket: new MemoryBucket(),
    diskUsage: () => Promise.resolve(undefined),
    remoteBucket: new MemoryBucket(),
    wal: new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 }),
    editedFile: (path) => memoryFile(files, path),
    logLine: (line) => lines.push(JSON.parse(line)),
    processMetrics: false,
    ...parts,
  };
  return Object.assign(platform, {
    lines,
    files,
    advance: (ms: number) => {
      nowMs += ms;
    },
  }) as TestPlatform;
}

function memoryFile(files: ReadonlyMap<string, string>, path: string): EditedFile {
  return {
    path,
    stamp: () => Promise.resolve(files.get(path) ?? 'missing'),
    read: async (bytesMax) => {
      const text = files.get(path);
      if (text === undefined) throw new Failure('invalid', `file ${path}: not there`);
      if (text.length > bytesMax) throw new Failure('invalid', `file ${path}: too large`);
      return text;
    },
  };
}

/** Without a window and a rate, unless `file` says otherwise. */
export function testSettings(file: Record<string, unknown> = {}): Settings {
  return resolveSettings({ file: { limits: openLimitsPath, ...file } });
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
