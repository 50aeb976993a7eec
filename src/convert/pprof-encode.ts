// A tree of stacks as pprof. Owns the order, which depends on the stacks alone: depth first,
// siblings by name, file and line; locations and functions are numbered at their first use. So one
// profile has one encoding, and a client's retry is told by it.
import { sortedInSteps } from '../lib/sort-in-steps.ts';
import { Pace, type Steps } from '../lib/steps.ts';
import { type PprofHead, PprofWriter } from './pprof-writer.ts';
import { assertValue, type Frame, rootNode, type StackTree } from './stack-tree.ts';

/**
 * The profile, each value times `factor`; undefined when no stack has a value. Throws `invalid`
 * when a value passes 64 bits or the profile `bytesMax`.
 */
export function* encodeStacks(
  tree: StackTree,
  head: PprofHead,
  factor: bigint,
  bytesMax: number,
): Steps<Uint8Array | undefined> {
  const writer = new PprofWriter(head, bytesMax);
  const locationOf = locations(writer, tree.frames);
  /** Locations of the calls above, root first. */
  const path: number[] = [];
  yield* walk(tree, (node, depth) => {
    path.length = Math.max(0, depth - 1);
    if (depth > 0) path.push(locationOf(tree.frameOf(node)));
    const value = tree.valueOf(node) * factor;
    if (value === 0n) return 0;
    assertValue(value);
    writer.addSample({ locations: path.toReversed(), values: [value] });
    return path.length;
  });
  return writer.sampleCount === 0 ? undefined : writer.finish();
}

const nodeUnits = 128;
const unitsOfFrame = 4;

/**
 * Visits every node below its parent's, siblings in order; `visit` answers how many frames it
 * wrote. Deep trees take no stack of ours.
 */
function* walk(tree: StackTree, visit: (node: number, depth: number) => number): Steps<void> {
  const pace = new Pace();
  const { frames } = tree;
  const frameOf = (node: number) => frames[tree.frameOf(node)] as Frame;
  const waiting = [rootNode];
  const depths = [0];
  while (waiting.length > 0) {
    const node = waiting.pop() as number;
    const depth = depths.pop() as number;
    const written = visit(node, depth);
    let children = tree.childrenOf(node);
    if (pace.spend(nodeUnits + unitsOfFrame * written + children.length)) yield;
    // Backwards, because the last one is taken first.
    if (children.length > 1) {
      children = yield* sortedInSteps(children, (a, b) => compareFrames(frameOf(b), frameOf(a)));
    }
    for (const child of children) {
      waiting.push(child);
      depths.push(depth + 1);
    }
  }
}

function compareFrames(a: Frame, b: Frame): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line;
}

/** Location ids by frame; one function for all lines of it. */
function locations(writer: PprofWriter, frames: readonly Frame[]): (frame: number) => number {
  const ids = new Int32Array(frames.length);
  const functionIds = new Map<string, number>();
  const functionOf = ({ name, file }: Frame): number => {
    const key = `${file.length}:${file}${name}`;
    const known = functionIds.get(key);
    if (known !== undefined) return known;
    const id = writer.addFunction({ name, filename: file });
    functionIds.set(key, id);
    return id;
  };
  return (index) => {
    const known = ids[index] as number;
    if (known !== 0) return known;
    const frame = frames[index] as Frame;
    const id = writer.addLocation({ lines: [{ function: functionOf(frame), line: frame.line }] });
    ids[index] = id;
    return id;
  };
}
