// Flame graphs in Connect's two encodings, straight from their columns: a general encoder would
// make an object of every level and a BigInt of every number first. Owns the numbers of the fields
// of `querier.v1.FlameGraph` and `FlameGraphDiff` and of the answers that hold one.
import type { FlameGraph, FlameGraphDiff } from '../query/contract.ts';

const utf8 = new TextEncoder();
const lengthDelimited = 2;
// Fields 1 to 15 have tags of one byte.
const namesTag = (1 << 3) | lengthDelimited;
const levelsTag = (2 << 3) | lengthDelimited;
const valuesTag = (1 << 3) | lengthDelimited;
const flameGraphTag = (1 << 3) | lengthDelimited;
const totalTag = 3 << 3;
const maxSelfTag = 4 << 3;
const leftTicksTag = 5 << 3;
const rightTicksTag = 6 << 3;

const varintBytesMax = 10;

/** An answer whose field 1 is the graph, in protobuf. */
export function encodeFlameGraph(graph: FlameGraph | FlameGraphDiff): Uint8Array {
  const valueBytes = graph.levels.map((level) => varintsBytes(wordsOf(level)));
  let bytesMax = 8 * varintBytesMax;
  // A UTF-16 unit takes three bytes of UTF-8 at the most.
  for (const name of graph.names) bytesMax += 3 * name.length + 1 + varintBytesMax;
  for (const bytes of valueBytes) bytesMax += bytes + 2 * (1 + varintBytesMax);
  const writer = new Writer(bytesMax);
  for (const name of graph.names) writer.text(namesTag, name);
  graph.levels.forEach((level, i) => {
    const bytes = valueBytes[i] ?? 0;
    writer.tag(levelsTag, bytes === 0 ? 0 : 1 + sizeOf(bytes, 0) + bytes);
    if (bytes > 0) {
      writer.tag(valuesTag, bytes);
      writer.varints(wordsOf(level));
    }
  });
  for (const [tag, value] of numbersOf(graph)) writer.number(tag, value);
  const message = writer.bytes();
  const answer = new Writer(message.byteLength + 1 + varintBytesMax);
  answer.tag(flameGraphTag, message.byteLength);
  answer.raw(message);
  return answer.bytes();
}

/** The same in protojson: 64-bit numbers are strings, what is empty or zero is left out. */
export function flameGraphJson(graph: FlameGraph | FlameGraphDiff): string {
  const fields: string[] = [];
  if (graph.names.length > 0) fields.push(`"names":${JSON.stringify(graph.names)}`);
  if (graph.levels.length > 0) {
    const levels = graph.levels.map((level) =>
      level.length === 0 ? '{}' : `{"values":["${decimals(level).join('","')}"]}`,
    );
    fields.push(`"levels":[${levels.join(',')}]`);
  }
  const add = (name: string, value: bigint) => {
    if (value !== 0n) fields.push(`"${name}":"${value}"`);
  };
  add('total', graph.total);
  add('maxSelf', graph.maxSelf);
  if ('leftTicks' in graph) {
    add('leftTicks', graph.leftTicks);
    add('rightTicks', graph.rightTicks);
  }
  return `{"flamegraph":{${fields.join(',')}}}`;
}

/** Every number of a level in decimal digits, exact. */
export function decimals(level: BigInt64Array): string[] {
  const words = wordsOf(level);
  const texts = new Array<string>(level.length);
  for (let i = 0; i < level.length; i++) {
    const high = words[2 * i + 1] as number;
    // Up to 53 bits a double is exact, and much faster than a BigInt.
    texts[i] =
      high < 0x20_0000 ? String(high * 2 ** 32 + (words[2 * i] as number)) : String(level[i]);
  }
  return texts;
}

function numbersOf(graph: FlameGraph | FlameGraphDiff): [tag: number, value: bigint][] {
  const numbers: [number, bigint][] = [
    [totalTag, graph.total],
    [maxSelfTag, graph.maxSelf],
  ];
  if ('leftTicks' in graph) {
    numbers.push([leftTicksTag, graph.leftTicks], [rightTicksTag, graph.rightTicks]);
  }
  return numbers;
}

/** Low and high halves, one after the other: all machines that matter are little-endian. */
function wordsOf(values: BigInt64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
}

function varintsBytes(words: Uint32Array): number {
  let bytes = 0;
  for (let i = 0; i < words.length; i += 2) {
    bytes += sizeOf(words[i] as number, words[i + 1] as number);
  }
  return bytes;
}

function sizeOf(low: number, high: number): number {
  if (high === 0) {
    if (low < 0x80) return 1;
    if (low < 0x4000) return 2;
  }
  const bits = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
  return ((bits + 6) / 7) | 0;
}

/** Writes into a buffer that is large enough from the start. */
class Writer {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax);
  }

  tag(tag: number, byteLength: number): void {
    this.#bytes[this.#at++] = tag;
    this.#varint(byteLength, 0);
  }

  /** Most names are ASCII: an encoder's call costs more than their copy. */
  text(tag: number, text: string): void {
    const bytes = this.#bytes;
    const start = this.#at;
    this.tag(tag, text.length);
    let at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = start;
        const encoded = utf8.encode(text);
        this.tag(tag, encoded.byteLength);
        this.raw(encoded);
        return;
      }
      bytes[at++] = code;
    }
    this.#at = at;
  }

  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  number(tag: number, value: bigint): void {
    if (value === 0n) return;
    this.#bytes[this.#at++] = tag;
    const [low = 0, high = 0] = wordsOf(BigInt64Array.of(value));
    this.#varint(low, high);
  }

  varints(words: Uint32Array): void {
    for (let i = 0; i < words.length; i += 2) {
      this.#varint(words[i] as number, words[i + 1] as number);
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #varint(low: number, high: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = low;
    let above = high;
    while (above !== 0) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest = ((rest >>> 7) | (above << 25)) >>> 0;
      above >>>= 7;
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#at = at;
  }
}
