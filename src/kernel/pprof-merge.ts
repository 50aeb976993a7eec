// One pprof out of several, each with one sample type. Owns the kernel that it is given until
// `release`: profiles are scanned and appended like pushed ones, so equal symbols and stacks become
// one, and their sums are encoded.
import { Failure, isFailure } from '../errors.ts';
import type { Kernel } from './kernel.ts';
import type { PprofHeader, PprofOptions } from './pprof-options.ts';
import { StackSums } from './stack-sums.ts';

const valueMax = 2n ** 63n - 1n;

/** Merges pprofs in an empty kernel, which is to be reset afterwards. */
export class PprofMerge {
  readonly #kernel: Kernel;
  #sums: StackSums | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /**
   * Adds an uncompressed pprof, which is copied, at 100 to 250 ns a sample. Throws `invalid` when
   * it is not a legal one, has another number of sample types than one, or when all values together
   * would pass 2^63-1; `unavailable` without memory.
   */
  add(profile: Uint8Array): void {
    const { sampleTypes, groups } = this.#kernel.scan(profile);
    if (sampleTypes.length !== 1) {
      throw new Failure('invalid', `profile has ${sampleTypes.length} sample types, must have 1`);
    }
    try {
      this.#kernel.append({
        timeNs: 0n,
        uuid: new Uint8Array(16),
        // Labels do not matter: all are one series.
        groupTargets: new Uint32Array(groups.length),
        series: new Uint32Array(groups.length),
      });
    } catch (error) {
      if (!isFailure(error, 'limit')) throw error;
      throw new Failure('invalid', `selected values add up to more than ${valueMax}`, {
        cause: error,
      });
    }
    this.#dropSums();
  }

  /** Sums of all that was added, ready to be encoded. */
  #begin(header: PprofHeader, options: PprofOptions): StackSums {
    this.#dropSums();
    const sums = new StackSums(this.#kernel);
    this.#sums = sums;
    sums.addRows(Uint32Array.from({ length: this.#kernel.stats().rows }, (_, row) => row));
    sums.beginPprof(header, options);
    return sums;
  }

  /** Begins the result, for `step`; what is added afterwards needs another beginning. */
  begin(header: PprofHeader, options: PprofOptions = {}): void {
    this.#begin(header, options);
  }

  /** Works on the result for a few milliseconds; true while work remains after `begin`. */
  step(): boolean {
    return this.#sums?.step() ?? false;
  }

  /** The result, uncompressed; does what `step` has left to do since `begin`, or all of it. */
  finish(header?: PprofHeader, options: PprofOptions = {}): Uint8Array<ArrayBuffer> {
    const sums = header === undefined ? this.#sums : this.#begin(header, options);
    if (sums === undefined) throw new Failure('internal', 'merged pprof was not begun');
    return sums.pprof();
  }

  #dropSums(): void {
    this.#sums?.release();
    this.#sums = undefined;
  }

  /** Gives the sums back; the kernel keeps what was added until it is reset. */
  release(): void {
    this.#dropSums();
  }
}
