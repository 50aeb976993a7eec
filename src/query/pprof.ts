// One pprof for all that a query selects. Owns when a source's own pprof can be passed through and
// when several must be merged; the header is always the query's.
import { assert, Failure } from '../errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { PprofMerge } from '../kernel/pprof-merge.ts';
import type { PprofHeader, PprofOptions } from '../kernel/pprof-options.ts';
import { freeBytes } from '../lib/free-bytes.ts';
import type { PprofRequest } from './contract.ts';
import type { Call } from './observe.ts';
import { headerOf, withHeader } from './pprof-header.ts';
import { rangeNs } from './range.ts';
import type { Reading } from './sources.ts';
import { type Kernels, stackQuery, stacksOf } from './stacks.ts';
import { planStacks, type StacksPlan } from './validate.ts';

/** Empty for a range older than the lookback, as an empty message is. Throws `invalid`. */
export async function answerPprof(
  { planning, kernels, read }: Call,
  request: PprofRequest,
): Promise<Uint8Array> {
  const { goPgo, maxNodes = 0 } = request;
  // Profile-guided optimisation is of the whole program.
  const { callSite: _, ...wholeStacks } = request.samples;
  const samples = goPgo === undefined ? request.samples : wholeStacks;
  const plan = planStacks({ ...request, samples }, planning, 'any');
  if (plan === undefined) return new Uint8Array(0);
  const { keepLocations } = goPgo ?? { keepLocations: 0 };
  if (!Number.isSafeInteger(keepLocations) || keepLocations < 0) {
    throw new Failure('invalid', `keep locations is ${keepLocations}, want 0 or more`);
  }
  const options = { goPgo, maxNodes: maxNodes > 0 ? Math.floor(maxNodes) : 0 };
  return await read((reading) => mergePprofs(reading, kernels, plan, headerOf(plan), options));
}

/** An uncompressed pprof, with a header alone when there is no data. */
export async function mergePprofs(
  reading: Reading,
  kernels: Kernels,
  plan: StacksPlan,
  header: PprofHeader,
  options: PprofOptions,
): Promise<Uint8Array> {
  const query = stackQuery(plan, 'pprof');
  const sources = await reading.open(rangeNs(plan.range));
  let kernel: Kernel | undefined;
  let merge: PprofMerge | undefined;
  let first: Uint8Array | undefined;
  const held = reading.hold();
  const add = async (profile: Uint8Array) => {
    kernel ??= kernels.acquire();
    merge ??= new PprofMerge(kernel);
    merge.add(profile);
    freeBytes([profile]);
    held.resize(kernel.bytesReserved());
    await reading.meter.pause();
  };
  try {
    await reading.ask(sources, stacksOf(query), async (part) => {
      if (part === undefined) return;
      assert(part.shape === 'pprof', `asked for pprof, got ${part.shape}`);
      if (first === undefined) {
        first = part.profile;
        return;
      }
      if (merge === undefined) await add(first);
      await add(part.profile);
    });
    const isCut = (options.maxNodes ?? 0) > 0 || options.goPgo !== undefined;
    if (first === undefined) return withHeader(new Uint8Array(0), header);
    if (merge === undefined && !isCut) return withHeader(first, header);
    if (merge === undefined) await add(first);
    return await encode(merge, header, options, reading);
  } finally {
    (merge as PprofMerge | undefined)?.release();
    if (kernel !== undefined) kernels.release(kernel);
    held.release();
  }
}

async function encode(
  merge: PprofMerge | undefined,
  header: PprofHeader,
  options: PprofOptions,
  { meter }: Reading,
): Promise<Uint8Array> {
  assert(merge !== undefined, 'encoded a merge that did not begin');
  merge.begin(header, options);
  while (merge.step()) await meter.pause();
  return merge.finish();
}
