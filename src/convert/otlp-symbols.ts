// Looks over the stacks of a profile before it is written: every index they lead to must be there,
// and a mapping tells whether all its functions are known. Owns the bound on this work, because
// the profiles of a request share their stacks, and a few bytes can ask for a long one.
import { Failure } from '../errors.ts';
import { Pace, type Steps } from '../lib/steps.ts';
import {
  type OtlpDictionary,
  type OtlpMapping,
  type OtlpSample,
  otlpFramesMax,
} from './otlp-model.ts';
import { assertAttributeCount, rowOf, stringOf, textOf } from './otlp-tables.ts';

const unitsOfLocation = 256;
const unitsOfLine = 64;
const unitsOfFrame = 16;

const buildIdKey = 'process.executable.build_id.gnu';

/** The checks of one request: what was checked for one profile holds for the others. */
export class SymbolCheck {
  readonly #tables: OtlpDictionary;
  readonly #locations = new Set<number>();
  #frames = 0;

  constructor(tables: OtlpDictionary) {
    this.#tables = tables;
  }

  /**
   * The mappings with a location, in these samples, that no function is known of. Throws `invalid`
   * for an index that refers to nothing, and for more frames than a request may have.
   */
  *bareMappings(samples: readonly Pick<OtlpSample, 'stack'>[]): Steps<Set<number>> {
    const pace = new Pace();
    const bare = new Set<number>();
    const stacks = new Set<number>();
    for (const { stack } of samples) {
      if (pace.spend(unitsOfFrame)) yield;
      if (stacks.has(stack)) continue;
      stacks.add(stack);
      const frames = stackRow(this.#tables, stack);
      this.#take(frames.length);
      for (const index of frames) {
        const { mapping, lines } = rowOf(this.#tables.locations, index, 'location');
        if (!lines.some((line) => line.function > 0)) bare.add(mapping);
        if (!this.#locations.has(index)) {
          this.#checkLocation(index);
          if (pace.spend(unitsOfLocation + unitsOfLine * lines.length)) yield;
        } else if (pace.spend(unitsOfFrame)) yield;
      }
    }
    return bare;
  }

  #take(frames: number): void {
    this.#frames += frames;
    if (this.#frames > otlpFramesMax) {
      throw new Failure('invalid', `request has more than ${otlpFramesMax} frames, the limit`);
    }
  }

  #checkLocation(index: number): void {
    const tables = this.#tables;
    const { mapping, lines } = rowOf(tables.locations, index, 'location');
    if (mapping !== 0) {
      const row = rowOf(tables.mappings, mapping, 'mapping');
      stringOf(tables, row.filename);
      buildIdOf(tables, row);
    }
    for (const line of lines) {
      if (line.function === 0) continue;
      const one = rowOf(tables.functions, line.function, 'function');
      for (const text of [one.name, one.systemName, one.filename]) stringOf(tables, text);
    }
    this.#locations.add(index);
  }
}

/** Indexes of locations, leaf first. Throws `invalid` when there is no such stack. */
export function stackRow(tables: OtlpDictionary, stack: number): readonly number[] {
  // A sender without stacks may leave out the null entry.
  return stack === 0 && tables.stacks.length === 0 ? [] : rowOf(tables.stacks, stack, 'stack');
}

/** The GNU build id, empty when the mapping has none. */
export function buildIdOf(tables: OtlpDictionary, mapping: OtlpMapping): string {
  assertAttributeCount(mapping.attributes.length);
  for (const index of mapping.attributes) {
    if (index === 0) continue;
    const { key, value } = rowOf(tables.attributes, index, 'attribute');
    if (textOf(tables, key) === buildIdKey && value !== undefined) return textOf(tables, value);
  }
  return '';
}
