// Tables for a terminal of 80 columns. Owns widths, alignment and wrapping; what a cell says is
// its caller's.
import { type Output, printable } from './output.ts';

/** What every terminal has. */
export const lineCharsMax = 80;

export interface Column {
  title: string;
  /** Numbers stand to the right. */
  isRight?: boolean;
  /** Characters, known ahead so that rows can be printed before the last one is known. */
  width: number;
}

/** The line of titles. */
export function headLine(columns: readonly Column[]): string {
  return rowLine(
    columns,
    columns.map(({ title }) => title),
  );
}

/** One row; a cell too long for its column is cut and ends in `…`. */
export function rowLine(columns: readonly Column[], cells: readonly string[]): string {
  const padded = columns.map(({ width, isRight }, i) => {
    const text = cut(printable(cells[i] ?? ''), width);
    const space = ' '.repeat(width - lengthOf(text));
    return isRight ? space + text : text + space;
  });
  return padded.join(' ').trimEnd();
}

/** The text in at most `width` characters. */
export function cut(text: string, width: number): string {
  return lengthOf(text) <= width ? text : `${[...text].slice(0, width - 1).join('')}…`;
}

/** The words of the text in lines of at most `width` characters; longer words are broken. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    let rest = [...word];
    const joined = line === '' ? rest : [...line, ' ', ...rest];
    if (joined.length <= width) {
      line = joined.join('');
      continue;
    }
    if (line !== '') lines.push(line);
    for (; rest.length > width; rest = rest.slice(width)) lines.push(rest.slice(0, width).join(''));
    line = rest.join('');
  }
  return [...lines, line];
}

/** Prints the text in lines that fit. */
export async function writeWrapped(output: Output, text: string): Promise<void> {
  for (const line of wrap(text, lineCharsMax)) await output.line(line);
}

function lengthOf(text: string): number {
  return [...text].length;
}
