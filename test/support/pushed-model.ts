// Profiles as a plain list of what was sampled, their pprof bytes, and what a plain loop over the
// list says that queries must answer. Shares no code with the product. One seed gives one list.
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { createRandom } from '../fixtures/random.ts';

export const pushedTypes = {
  samples: 'cpu:samples:count:cpu:nanoseconds',
  cpu: 'cpu:cpu:nanoseconds:cpu:nanoseconds',
} as const;
export type PushedType = keyof typeof pushedTypes;

export interface PushedSample {
  /** Location ids, root first. */
  path: number[];
  values: Record<PushedType, bigint>;
  spanId: bigint | undefined;
  /** 32 hexadecimal digits. */
  traceId: string | undefined;
}

export interface PushedProfile {
  service: string;
  pod: string;
  timeNs: bigint;
  samples: PushedSample[];
}

export interface PushedSize {
  services?: number;
  pods?: number;
  profilesPerPod?: number;
  samplesPerProfile?: number;
  stacks?: number;
  startNs?: bigint;
  /** Between two profiles of a pod. */
  stepNs?: bigint;
  /** No location without lines. */
  isSymbolised?: boolean;
}

interface PushedLocation {
  id: number;
  mapping: number;
  address: number;
  /** Function numbers, innermost call first. */
  lines: number[];
}

const functionCount = 40;
const locationCount = 60;
const nameOf = (fn: number) => `pkg${fn % 5}.fn${fn}${fn % 7 === 0 ? '→ü' : ''}`;
const big = 2n ** 62n;

export class PushedModel {
  readonly profiles: PushedProfile[] = [];
  readonly #locations: PushedLocation[];

  constructor(seed: number, size: PushedSize = {}) {
    const { below } = createRandom(seed);
    const { services = 3, pods = 2, profilesPerPod = 4, samplesPerProfile = 12 } = size;
    const {
      isSymbolised = false,
      stacks = 40,
      startNs = 1_767_323_000_000_000_000n,
      stepNs = 10_000_000_123n,
    } = size;
    this.#locations = Array.from({ length: locationCount }, (_, i) => ({
      id: i + 1,
      mapping: i % 3,
      address: 0x400000 + i * 0x10,
      lines: Array.from({ length: isSymbolised ? 1 + (i % 3) : i % 4 }, () => below(functionCount)),
    }));
    // The first is the empty stack.
    const paths = Array.from({ length: stacks }, (_, i) =>
      Array.from({ length: i === 0 ? 0 : 1 + below(12) }, (_, depth) =>
        // Few locations near the root, so that stacks share their beginnings.
        below(Math.min(locationCount, 2 + depth * 9)),
      ),
    );
    for (let pod = 0; pod < services * pods; pod++) {
      for (let i = 0; i < profilesPerPod; i++) {
        this.profiles.push({
          service: `service-${Math.floor(pod / pods)}`,
          pod: `pod-${pod % pods}`,
          // A little apart in each pod, so that a time tells the profile.
          timeNs: startNs + BigInt(i) * stepNs + BigInt(pod) * 1_001n,
          samples: Array.from({ length: samplesPerProfile }, (_, k) => {
            const hasSpan = below(3) === 0;
            return {
              path: paths[below(stacks)] as number[],
              values: { samples: BigInt(below(3)), cpu: BigInt(below(2 ** 31)) },
              spanId: hasSpan ? 0xf000_0000_0000_0000n + BigInt(below(5)) : undefined,
              traceId: hasSpan ? `${'ab'.repeat(15)}0${(k % 3) + 1}` : undefined,
            };
          }),
        });
      }
    }
    const [first] = this.profiles;
    // One value that no double holds, whose sums stay below 2^63.
    if (first?.samples[0]) first.samples[0].values.cpu = big + 1n;
  }

  /** Frame names, root first, inlined calls expanded. */
  framesOf({ path }: PushedSample): string[] {
    return path.flatMap((number) => {
      const { lines, mapping, address } = this.#locations[number] as PushedLocation;
      const binary = mapping === 0 ? 'unknown' : `app${mapping}`;
      if (lines.length === 0) return [`${binary}!0x${address.toString(16)}`];
      return lines.toReversed().map(nameOf);
    });
  }

  /** One profile as pprof, not compressed. */
  encode({ timeNs, samples }: PushedProfile): Uint8Array<ArrayBuffer> {
    return encodePprof({
      timeNs,
      durationNs: 10_000_000_000n,
      sampleTypes: [
        ['samples', 'count'],
        ['cpu', 'nanoseconds'],
      ],
      periodType: ['cpu', 'nanoseconds'],
      period: 10_000_000,
      functions: Array.from({ length: functionCount }, (_, i) => ({ id: i + 1, name: nameOf(i) })),
      mappings: [1, 2].map((id) => ({ id, start: 0, limit: 2 ** 32, file: `/usr/bin/app${id}` })),
      locations: this.#locations.map(({ lines, ...rest }) => ({
        ...rest,
        lines: lines.map((fn) => ({ function: fn + 1, line: fn * 3 })),
      })),
      samples: samples.map(({ path, values, spanId, traceId }) => ({
        locations: path.map((number) => number + 1).toReversed(),
        values: [values.samples, values.cpu],
        labels: [
          ...(spanId ? [{ key: 'span_id', text: spanId.toString(16).padStart(16, '0') }] : []),
          ...(traceId ? [{ key: 'trace_id', text: traceId }] : []),
        ],
      })),
    });
  }

  /** Sums by stack, frames joined by `;`, of what the two functions let pass. */
  stacks(
    type: PushedType,
    hasProfile: (profile: PushedProfile) => boolean,
    hasSample: (sample: PushedSample, frames: string[]) => boolean = () => true,
  ): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    for (const profile of this.profiles) {
      if (!hasProfile(profile)) continue;
      for (const sample of profile.samples) {
        const frames = this.framesOf(sample);
        const value = sample.values[type];
        if (value === 0n || !hasSample(sample, frames)) continue;
        const key = frames.join(';');
        sums.set(key, (sums.get(key) ?? 0n) + value);
      }
    }
    return sums;
  }

  /** Of one profile: the sum of its samples that the function lets pass. */
  total(
    type: PushedType,
    profile: PushedProfile,
    hasSample: (frames: string[]) => boolean = () => true,
  ): bigint {
    let sum = 0n;
    for (const sample of profile.samples) {
      if (hasSample(this.framesOf(sample))) sum += sample.values[type];
    }
    return sum;
  }
}
