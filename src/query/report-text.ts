// How a report spells values, times, names and paths: for a person who skims and a model that pays
// by the character. Everything here is a pure function of its arguments.
import type { MsRange } from './contract.ts';

const nameCharsMax = 100;
const placeCharsMax = 80;
/** Frames of a path that are spelled out: where it starts, and more of where it ends. */
const pathHead = 4;
const pathTail = 8;

/** Scales by unit of the sample type: thresholds descending. */
const scales: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  nanoseconds: [
    [3_600e9, 'h'],
    [60e9, 'min'],
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
    [1, 'ns'],
  ],
  bytes: [
    [2 ** 40, 'TiB'],
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
    [1, 'B'],
  ],
};

/** `1.25 s`, `3.00 MiB`, `17 count`. */
export function valueText(value: bigint, unit: string): string {
  const size = Number(value < 0n ? -value : value);
  const scale = scales[unit];
  const step = scale?.find(([threshold]) => size >= threshold) ?? scale?.at(-1);
  if (step === undefined || step[0] === 1) return `${value} ${step?.[1] ?? unit}`.trim();
  return `${value < 0n ? '-' : ''}${(size / step[0]).toFixed(2)} ${step[1]}`;
}

/** A range as two instants. */
export function rangeText({ startMs, endMs }: MsRange): string {
  return `${instant(startMs)} to ${instant(endMs)}`;
}

function instant(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? `${timeMs} ms` : date.toISOString();
}

/** A name as code in a cell of a table: no bars, no backticks, not too long. */
export function nameText(name: string): string {
  return `\`${cell(name, nameCharsMax, 'end')}\``;
}

/** A place in a cell; of a long one the end, which tells more. */
export function placeText(place: string): string {
  return cell(place, placeCharsMax, 'start');
}

/** `a → b → … 3 more … → c`. */
export function pathText(names: readonly string[]): string {
  const hidden = names.length - pathHead - pathTail;
  const shown =
    hidden > 1
      ? [...names.slice(0, pathHead), `… ${hidden} more …`, ...names.slice(-pathTail)]
      : names;
  return `\`${shown.map((name) => cell(name, nameCharsMax, 'end')).join(' → ')}\``;
}

function cell(text: string, charsMax: number, cut: 'start' | 'end'): string {
  const plain = text.replaceAll('`', "'").replaceAll('|', '¦');
  const chars = [...plain];
  if (chars.length <= charsMax) return plain;
  const kept = charsMax - 1;
  if (cut === 'end') return `${chars.slice(0, kept).join('')}…`;
  return `…${chars.slice(-kept).join('')}`;
}
