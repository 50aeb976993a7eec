// Pyroscope's binary call tree (`tree`): depth first, each node as varint name length, name, varint
// self value, varint child count. The root has an empty name. Owns the reading; counts are claims
// that the bytes must bear out, so nothing is allocated for them.
import { Failure } from '../errors.ts';
import { ProtobufReader } from '../lib/protobuf-reader.ts';
import { Pace, type Steps } from '../lib/steps.ts';
import { rootNode, type StackTree } from './stack-tree.ts';

const nodeUnits = 64;

/** Adds every node's self value. Throws `invalid` for what is no tree, or more than one. */
export function readTree(bytes: Uint8Array, tree: StackTree): Steps<void> {
  return readNodes<number>(bytes, (name, value, parent) => {
    // Only the root may be without a name: it is no call.
    const isRoot = parent === undefined && name.byteLength === 0;
    const frame = isRoot ? -1 : tree.frame(new TextDecoder().decode(name));
    const node = isRoot ? rootNode : tree.child(parent ?? rootNode, frame);
    tree.add(node, value);
    return node;
  });
}

/**
 * Reads nodes of `length · bytes · value · child count`, each before its children. `visit` is given
 * what it answered for the parent, undefined for the first node.
 */
export function* readNodes<Node>(
  bytes: Uint8Array,
  visit: (text: Uint8Array, value: bigint, parent: Node | undefined) => Node,
): Steps<void> {
  const pace = new Pace();
  const reader = new ProtobufReader(bytes);
  const open: { node: Node; children: bigint }[] = [];
  let parent: { node: Node; children: bigint } | undefined;
  do {
    const text = reader.take(reader.length());
    reader.varint();
    const value = reader.int64;
    reader.varint();
    const children = BigInt.asUintN(64, reader.int64);
    if (parent !== undefined) parent.children -= 1n;
    const node = visit(text, value, parent?.node);
    if (children > 0n) open.push({ node, children });
    while (open.at(-1)?.children === 0n) open.pop();
    parent = open.at(-1);
    if (pace.spend(nodeUnits + text.byteLength)) yield;
  } while (parent !== undefined);
  if (reader.left > 0) {
    throw new Failure('invalid', `${reader.left} bytes follow the last node`, {
      reason: 'malformed_profile',
    });
  }
}
