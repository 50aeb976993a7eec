// Writes samples of one OTLP profile as a pprof: stacks of the dictionary become locations, with
// the functions and mappings they need and no others. Owns what is copied; which samples belong
// together, and their labels, is decided in `otlp-samples.ts`, and indexes are checked before.
import { Pace, type Steps } from '../lib/steps.ts';
import type { OtlpDictionary } from './otlp-model.ts';
import type { GroupedSample } from './otlp-samples.ts';
import { buildIdOf, stackRow } from './otlp-symbols.ts';
import { rowOf, stringOf } from './otlp-tables.ts';
import { type PprofHead, PprofWriter } from './pprof-writer.ts';

const unitsOfSample = 128;
const unitsOfFrame = 4;
const unitsOfLabel = 64;
/** Mostly of those that were written before. */
const unitsOfLocation = 128;

/**
 * The profile, not compressed. The stacks were checked, and `bare` are the mappings whose symbols
 * are not complete, both by `otlp-symbols.ts`. Throws `invalid` when it grows past `bytesMax`.
 */
export function* writePprof(
  head: PprofHead,
  samples: readonly GroupedSample[],
  tables: OtlpDictionary,
  bare: ReadonlySet<number>,
  bytesMax: number,
): Steps<Uint8Array<ArrayBuffer>> {
  const pace = new Pace();
  const writer = new PprofWriter(head, bytesMax);
  const symbols = new SymbolWriter(writer, tables, bare);
  for (const { stack, value, labels } of samples) {
    const locations = yield* symbols.locationsOf(stack, pace);
    writer.addSample({ locations, values: [value], labels });
    const units = unitsOfFrame * locations.length + unitsOfLabel * labels.length;
    if (pace.spend(unitsOfSample + units)) yield;
  }
  return writer.finish();
}

/** Gives ids to rows of the dictionary when they are first needed. */
class SymbolWriter {
  readonly #writer: PprofWriter;
  readonly #tables: OtlpDictionary;
  readonly #bare: ReadonlySet<number>;
  readonly #stacks = new Map<number, number[]>();
  readonly #locations = new Map<number, number>();
  readonly #functions = new Map<number, number>();
  readonly #mappings = new Map<number, number>();

  constructor(writer: PprofWriter, tables: OtlpDictionary, bare: ReadonlySet<number>) {
    this.#writer = writer;
    this.#tables = tables;
    this.#bare = bare;
  }

  /** Ids, leaf first. */
  *locationsOf(stack: number, pace: Pace): Steps<readonly number[]> {
    const known = this.#stacks.get(stack);
    if (known !== undefined) return known;
    const ids: number[] = [];
    for (const index of stackRow(this.#tables, stack)) {
      ids.push(this.#locationId(index));
      if (pace.spend(unitsOfLocation)) yield;
    }
    this.#stacks.set(stack, ids);
    return ids;
  }

  #locationId(index: number): number {
    const known = this.#locations.get(index);
    if (known !== undefined) return known;
    const { mapping, address, lines } = rowOf(this.#tables.locations, index, 'location');
    const named = lines.filter((line) => line.function > 0);
    const id = this.#writer.addLocation({
      mapping: mapping === 0 ? 0 : this.#mappingId(mapping),
      address,
      lines: named.map((line) => ({
        function: this.#functionId(line.function),
        line: line.line,
      })),
    });
    this.#locations.set(index, id);
    return id;
  }

  #functionId(index: number): number {
    const known = this.#functions.get(index);
    if (known !== undefined) return known;
    const row = rowOf(this.#tables.functions, index, 'function');
    const id = this.#writer.addFunction({
      name: stringOf(this.#tables, row.name),
      systemName: stringOf(this.#tables, row.systemName),
      filename: stringOf(this.#tables, row.filename),
      startLine: row.startLine,
    });
    this.#functions.set(index, id);
    return id;
  }

  #mappingId(index: number): number {
    const known = this.#mappings.get(index);
    if (known !== undefined) return known;
    const row = rowOf(this.#tables.mappings, index, 'mapping');
    const id = this.#writer.addMapping({
      start: row.start,
      limit: row.limit,
      offset: row.offset,
      filename: stringOf(this.#tables, row.filename),
      buildId: buildIdOf(this.#tables, row),
      hasFunctions: !this.#bare.has(index),
    });
    this.#mappings.set(index, id);
    return id;
  }
}
