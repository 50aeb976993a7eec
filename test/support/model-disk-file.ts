// A file of the model disk: what programs see, what would be there after a power loss, and the
// writes between the two. Owns what a power loss or a failed fsync may do to those writes.
import type { Random } from '../fixtures/random.ts';
import type { CrashChoice } from './model-disk-choice.ts';

/** Disks write whole sectors; which of several sectors are written first is their own choice. */
const sectorBytes = 512;

/** Bytes that grow at the end; what nobody wrote is zero. */
class Content {
  #bytes = new Uint8Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A view: valid until the next change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.#size) this.resize(offset + bytes.length);
    this.#bytes.set(bytes, offset);
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
      grown.set(this.view());
      this.#bytes = grown;
    }
    this.#bytes.fill(0, size, Math.max(size, this.#size));
    this.#size = size;
  }

  copy(): Content {
    const copied = new Content();
    copied.write(0, this.view());
    return copied;
  }
}

/** Bytes written at an offset, or a new size. Never changed once made. */
type FileChange = { offset: number; bytes: Uint8Array } | { size: number };

export class FileNode {
  /** How many names it has, open or not. */
  links = 0;
  modifiedMs = 0;
  #seen = new Content();
  #durable = new Content();
  #pending: FileChange[] = [];
  #settledCount = 0;

  get size(): number {
    return this.#seen.size;
  }

  /** Changes ever made: what `sync` takes, so that it covers none that came later. */
  get changeCount(): number {
    return this.#settledCount + this.#pending.length;
  }

  /** What programs read; a view that is valid until the next change. */
  view(): Uint8Array {
    return this.#seen.view();
  }

  write(offset: number, bytes: Uint8Array): void {
    const change = { offset, bytes: bytes.slice() };
    this.#pending.push(change);
    this.#seen.write(offset, change.bytes);
  }

  resize(size: number): void {
    if (size === this.#seen.size) return;
    this.#pending.push({ size });
    this.#seen.resize(size);
  }

  /** Makes the first `changeCount` changes durable. */
  sync(changeCount: number): void {
    for (const change of this.#take(changeCount)) apply(this.#durable, change);
  }

  /**
   * What a failed fsync does on Linux: some pages are written, others not, and all of them count
   * as clean. Programs go on seeing them; no later fsync writes them.
   */
  failSync(changeCount: number, choice: CrashChoice): void {
    for (const change of this.#take(changeCount)) settle(this.#durable, change, choice);
  }

  /** The file after a power loss. */
  crashed(choice: CrashChoice): FileNode {
    const next = new FileNode();
    next.modifiedMs = this.modifiedMs;
    next.#durable = this.#durable.copy();
    for (const change of this.#pending) settle(next.#durable, change, choice);
    next.#seen = next.#durable.copy();
    return next;
  }

  #take(changeCount: number): FileChange[] {
    const taken = this.#pending.splice(0, Math.max(0, changeCount - this.#settledCount));
    this.#settledCount += taken.length;
    return taken;
  }
}

function apply(content: Content, change: FileChange): void {
  if ('size' in change) content.resize(change.size);
  else content.write(change.offset, change.bytes);
}

/** Keeps, drops or tears one change. */
function settle(content: Content, change: FileChange, choice: CrashChoice): void {
  const fate = choice.data();
  if (fate === 'kept') apply(content, change);
  // A size is one number: it is there or not.
  if (fate !== 'torn' || 'size' in change) return;
  for (const piece of tear(change, choice.random)) apply(content, piece);
  // A file may have grown although what was written there has not arrived.
  const missing = change.offset + change.bytes.length - content.size;
  if (missing > 0 && choice.random.below(2) === 0) {
    content.resize(content.size + 1 + choice.random.below(missing));
  }
}

/** Some sectors of a write in no order, or its bytes up to or from some point. */
function tear(
  { offset, bytes }: { offset: number; bytes: Uint8Array },
  random: Random,
): FileChange[] {
  const cut = random.below(bytes.length + 1);
  const way = random.below(3);
  if (way === 0) return [{ offset, bytes: bytes.subarray(0, cut) }];
  if (way === 1) return [{ offset: offset + cut, bytes: bytes.subarray(cut) }];
  const pieces: FileChange[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (random.below(2) === 0) pieces.push({ offset: offset + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return pieces;
}
