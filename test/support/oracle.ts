// What a profile must come out as, told by an independent decoder: `pprof-format` parses, plain
// maps sum. Shares no code with the product. Slow and simple on purpose.
import { type Location, Profile } from 'pprof-format';
import { storedName } from './go-names.ts';

/** Function names as they are stored, joined by `;`, root first, inlined calls expanded. */
export type StackName = string;

export interface ExpectedProfile {
  /** In the order of the profile. */
  sampleTypes: { type: string; unit: string }[];
  /**
   * By type, then by stack: the sum over all samples whatever their labels. Zero values are
   * dropped, and so are samples with any negative value. The empty stack is the empty string, and
   * so is a stack of one location without lines: no profile should be tested that has both.
   */
  perType: Map<string, Map<StackName, bigint>>;
  /** Sum of each map of `perType`; unbounded, so it may exceed int64. */
  totals: Map<string, bigint>;
}

/**
 * Decodes a pprof that is not compressed. When every function id is 0, functions count from 1 in
 * their order, as the .NET client means them. Throws for what has no answer: dangling ids, two
 * sample types of one name, a sample with more or fewer values than there are types.
 */
export function decodeExpected(bytes: Uint8Array): ExpectedProfile {
  const profile = Profile.decode(bytes);
  const strings = profile.stringTable.strings;
  const text = (index: number | bigint) => found(strings[Number(index)], `string ${index}`);
  const sampleTypes = profile.sampleType.map((one) => ({
    type: text(one.type),
    unit: text(one.unit),
  }));
  const perType = new Map<string, Map<StackName, bigint>>();
  for (const { type } of sampleTypes) perType.set(type, new Map());
  if (perType.size !== sampleTypes.length) throw new Error('two sample types have one name');

  const nameOf = stackNames(profile, text);
  for (const sample of profile.sample) {
    if (sample.value.length !== sampleTypes.length) {
      throw new Error(`${sample.value.length} values for ${sampleTypes.length} sample types`);
    }
    const values = sample.value.map((one) => BigInt.asIntN(64, BigInt(one)));
    if (values.some((one) => one < 0n)) continue;
    const name = nameOf(sample.locationId);
    for (const [index, value] of values.entries()) {
      if (value === 0n) continue;
      const stacks = found(perType.get(found(sampleTypes[index], 'type').type), 'type');
      stacks.set(name, (stacks.get(name) ?? 0n) + value);
    }
  }
  return { sampleTypes, perType, totals: totalsOf(perType) };
}

/** `into` plus `more`, type by type and stack by stack: several profiles of one series. */
export function addExpected(into: ExpectedProfile, more: ExpectedProfile): void {
  for (const { type, unit } of more.sampleTypes) {
    if (!into.perType.has(type)) {
      into.perType.set(type, new Map());
      into.sampleTypes.push({ type, unit });
    }
    const stacks = found(into.perType.get(type), type);
    for (const [name, value] of found(more.perType.get(type), type)) {
      stacks.set(name, (stacks.get(name) ?? 0n) + value);
    }
  }
  into.totals = totalsOf(into.perType);
}

function totalsOf(perType: Map<string, Map<StackName, bigint>>): Map<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const [type, stacks] of perType) {
    let total = 0n;
    for (const value of stacks.values()) total += value;
    totals.set(type, total);
  }
  return totals;
}

function stackNames(
  profile: Profile,
  text: (index: number | bigint) => string,
): (ids: readonly (number | bigint)[]) => StackName {
  const isUnnumbered = profile.function.every((one) => Number(one.id) === 0);
  // Ids may be numbers or bigints of the same size, and may exceed 2^53: text compares exactly.
  const functions = new Map<string, string>();
  for (const [index, one] of profile.function.entries()) {
    functions.set(String(isUnnumbered ? index + 1 : one.id), storedName(text(one.name)));
  }
  const locations = new Map<string, string[]>();
  for (const one of profile.location) locations.set(String(one.id), frames(one, functions));
  return (ids) =>
    ids
      .toReversed()
      .flatMap((id) => found(locations.get(String(id)), `location ${id}`))
      .join(';');
}

/** Outermost call first. */
function frames(location: Location, functions: Map<string, string>): string[] {
  if (location.line.length === 0) return [''];
  return location.line
    .toReversed()
    .map((line) => found(functions.get(String(line.functionId)), `function ${line.functionId}`));
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the profile has no ${what}`);
  return value;
}
