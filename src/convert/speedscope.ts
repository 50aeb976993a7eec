// Speedscope's JSON: one set of frames, profiles of sampled stacks or of opened and closed calls.
// Owns the schema as far as it is read, and its units; what a unit becomes is the caller's to know.
// https://www.speedscope.app/file-format-schema.json
import { Failure, messageOf } from '../errors.ts';
import { Pace, type Steps } from '../lib/steps.ts';
import { countOf } from './count.ts';
import { rootNode, StackTree } from './stack-tree.ts';

const schemaUrl = 'https://www.speedscope.app/file-format-schema.json';

/** A browser's trace has one profile for each thread. */
const profilesMax = 1_000;

/** Nanoseconds in one; the other units do not measure time. */
const nsOfUnit = {
  nanoseconds: 1,
  microseconds: 1e3,
  milliseconds: 1e6,
  seconds: 1e9,
} as const;
const plainUnits = ['bytes', 'none'] as const;

/** What the values of a tree measure. */
export type SpeedscopeUnit = 'nanoseconds' | (typeof plainUnits)[number];

export interface SpeedscopeProfile {
  name: string;
  unit: SpeedscopeUnit;
  /** Values in `unit`: times of all units become nanoseconds. */
  tree: StackTree;
}

const unitsOfFrame = 32;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads one profile after the other, so that only one tree is held, with pauses (undefined). Throws
 * `invalid`, also half way, for what does not follow the schema.
 */
export function* readSpeedscope(
  bytes: Uint8Array,
): Generator<SpeedscopeProfile | undefined, void, undefined> {
  const file = objectOf(parse(bytes), 'the file');
  if (file['$schema'] !== schemaUrl) throw invalid(`$schema is not ${schemaUrl}`);
  const frames = listOf(objectOf(file['shared'], 'shared')['frames'], 'shared.frames');
  const profiles = listOf(file['profiles'], 'profiles');
  if (profiles.length > profilesMax) {
    throw invalid(`${profiles.length} profiles, limit ${profilesMax}`);
  }
  for (const [i, profile] of profiles.entries()) {
    yield yield* readProfile(objectOf(profile, `profile ${i}`), frames, i);
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    // Runtimes differ in what they say, and in whether deep nesting is a range or a syntax error.
    throw invalid(messageOf(error).slice(0, 200));
  }
}

function* readProfile(
  profile: Fields,
  frames: readonly unknown[],
  index: number,
): Steps<SpeedscopeProfile> {
  const { type, unit, name } = profile;
  const where = `profile ${index}`;
  const { scale, stored } = unitOf(unit, where);
  const tree = new StackTree();
  const frameOf = frameReader(tree, frames, where);
  if (type === 'sampled') yield* readSamples(profile, { tree, frameOf, scale, where });
  else if (type === 'evented') yield* readEvents(profile, { tree, frameOf, scale, where });
  else throw invalid(`${where}: type ${shown(type)} is neither "sampled" nor "evented"`);
  return { name: typeof name === 'string' ? name : '', unit: stored, tree };
}

interface Reading {
  tree: StackTree;
  frameOf: (index: unknown) => number;
  scale: number;
  where: string;
}

/** `samples` are stacks of frame indexes, root first; `weights` their values. */
function* readSamples(profile: Fields, { tree, frameOf, scale, where }: Reading): Steps<void> {
  const pace = new Pace();
  const samples = listOf(profile['samples'], `${where}: samples`);
  const weights = listOf(profile['weights'], `${where}: weights`);
  if (samples.length !== weights.length) {
    throw invalid(`${where}: ${samples.length} samples have ${weights.length} weights`);
  }
  for (const [i, sample] of samples.entries()) {
    let node = rootNode;
    const stack = listOf(sample, `${where}: sample ${i}`);
    for (const frame of stack) {
      node = tree.child(node, frameOf(frame));
      if (pace.spend(unitsOfFrame)) yield;
    }
    const weight = numberOf(weights[i], `${where}: weight ${i}`);
    tree.add(node, amountOf(weight * scale, `${where}: weight ${i}`));
    if (pace.spend(unitsOfFrame)) yield;
  }
}

/** Calls open and close in order; the time between two events is of the call on top. */
function* readEvents(profile: Fields, { tree, frameOf, scale, where }: Reading): Steps<void> {
  const pace = new Pace();
  const startValue = numberOf(profile['startValue'], `${where}: startValue`);
  const stack = [rootNode];
  // Rounded once from the start, so that many short calls add up to the whole.
  let passed = 0n;
  const pass = (at: unknown, what: string) => {
    const now = amountOf((numberOf(at, what) - startValue) * scale, what);
    if (now < passed) throw invalid(`${what} is before the event before it`);
    const top = stack.at(-1) ?? rootNode;
    if (top !== rootNode) tree.add(top, now - passed);
    passed = now;
  };
  for (const [i, one] of listOf(profile['events'], `${where}: events`).entries()) {
    const what = `${where}: event ${i}`;
    const event = objectOf(one, what);
    pass(event['at'], `${what}: at`);
    const frame = frameOf(event['frame']);
    const top = stack.at(-1) ?? rootNode;
    if (event['type'] === 'O') stack.push(tree.child(top, frame));
    else if (event['type'] !== 'C') throw invalid(`${what}: type ${shown(event['type'])}`);
    else if (top === rootNode || tree.frameOf(top) !== frame) {
      throw invalid(`${what} closes a call that is not the last one opened`);
    } else stack.pop();
    if (pace.spend(unitsOfFrame)) yield;
  }
  // Calls that are still open last until the end.
  if (stack.length > 1) pass(profile['endValue'], `${where}: endValue`);
}

/** Frames by their index in the file, entered into the tree when first used. */
function frameReader(
  tree: StackTree,
  frames: readonly unknown[],
  where: string,
): (index: unknown) => number {
  const known = new Map<unknown, number>();
  return (index) => {
    const found = known.get(index);
    if (found !== undefined) return found;
    if (typeof index !== 'number' || !Number.isInteger(index) || !(index in frames)) {
      throw invalid(`${where}: frame ${shown(index)} is none of ${frames.length}`);
    }
    const { name, file, line } = objectOf(frames[index], `frame ${index}`);
    if (typeof name !== 'string') throw invalid(`frame ${index} has no name`);
    const isLine = typeof line === 'number' && Number.isInteger(line) && line > 0;
    const id = tree.frame(
      name,
      typeof file === 'string' ? file : '',
      isLine && line < 2 ** 31 ? line : 0,
    );
    known.set(index, id);
    return id;
  };
}

function unitOf(unit: unknown, where: string): { scale: number; stored: SpeedscopeUnit } {
  if (typeof unit === 'string' && Object.hasOwn(nsOfUnit, unit)) {
    return { scale: nsOfUnit[unit as keyof typeof nsOfUnit], stored: 'nanoseconds' };
  }
  const plain = plainUnits.find((known) => known === unit);
  if (plain !== undefined) return { scale: 1, stored: plain };
  const known = [...Object.keys(nsOfUnit), ...plainUnits].join(', ');
  throw invalid(`${where}: unit ${shown(unit)} is none of ${known}`);
}

function objectOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`${what} is no object`);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(`${what} is no list`);
}

function numberOf(value: unknown, what: string): number {
  if (typeof value === 'number') return value;
  throw invalid(`${what} is no number`);
}

function amountOf(value: number, what: string): bigint {
  const count = countOf(value);
  if (count === undefined) throw invalid(`${what}: ${value} is not from 0 to 2^63-1`);
  return count;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 64);
}

function invalid(what: string): Failure {
  return new Failure('invalid', `speedscope: ${what}`, { reason: 'malformed_profile' });
}
