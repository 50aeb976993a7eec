// Hot spots in Markdown, for a person or a language model with a character budget. Owns what is
// said first, how the budget is dealt out among the sections and that it is kept: what does not fit
// is counted at the end. The same data gives the same text.
import { Failure } from '../errors.ts';
import { compareUtf8 } from '../lib/compare-utf8.ts';
import { percent } from './call-tree.ts';
import type { MsRange } from './contract.ts';
import { descending, type HotFunction, type HotSpots } from './hot-spots.ts';
import { nameText, pathText, placeText, rangeText, valueText } from './report-text.ts';

/** What one side of a report is about. */
export interface ReportSide {
  selector: string;
  range: MsRange;
  spots: HotSpots;
}

export interface ReportInput extends ReportSide {
  profileType: string;
  unit: string;
  baseline?: ReportSide;
  /** Characters, of which the report uses no more. */
  budget: number;
}

interface Section {
  /** The word for its rows in the last line. */
  rowName: string;
  head: string;
  rows: string[];
}

const budgetMin = 400;
const budgetMax = 1_000_000;
/** Kept free for the line that says what was left out. */
const noteChars = 160;
/** Of one section. */
const rowsMax = 100;

/** The budget, if it is one that a report fits. Throws `invalid`. */
export function validateBudget(budget: number): number {
  if (Number.isSafeInteger(budget) && budget >= budgetMin && budget <= budgetMax) return budget;
  const message = `budget is ${budget} characters, want ${budgetMin} to ${budgetMax}`;
  throw new Failure('invalid', message);
}

/** Throws `invalid` for a budget that is too small or too large. */
export function reportText(input: ReportInput): string {
  const budget = validateBudget(input.budget);
  const head = headText(input, budget - noteChars);
  const sections = sectionsOf(input).filter(({ rows }) => rows.length > 0);
  const taken = dealt(sections, budget - noteChars - head.length);
  let text = head;
  for (const [i, section] of sections.entries()) {
    const rows = section.rows.slice(0, taken[i]);
    if (rows.length > 0) text += `${section.head}${rows.join('')}`;
  }
  return text + noteText(sections, taken);
}

/** How many rows of each section fit: one each in turn, the sections in their order. */
function dealt(sections: readonly Section[], chars: number): number[] {
  const taken = sections.map(() => 0);
  const isFull = sections.map(() => false);
  let left = chars;
  while (isFull.includes(false)) {
    for (const [i, { head, rows }] of sections.entries()) {
      if (isFull[i]) continue;
      const count = taken[i] as number;
      const row = rows[count];
      const cost = (row?.length ?? 0) + (count === 0 ? head.length : 0);
      if (row === undefined || cost > left) {
        // A section stops at its first row that does not fit: later ones would mislead.
        isFull[i] = true;
        continue;
      }
      left -= cost;
      taken[i] = count + 1;
    }
  }
  return taken;
}

function noteText(sections: readonly Section[], taken: readonly number[]): string {
  const cut = sections
    .map(({ rowName, rows }, i) => ({ rowName, count: rows.length - (taken[i] as number) }))
    .filter(({ count }) => count > 0)
    .map(({ rowName, count }) => `${count} ${rowName}`);
  return cut.length === 0 ? '' : `\nLeft out for the budget: ${cut.join(', ')}.\n`;
}

function headText(input: ReportInput, charsMax: number): string {
  const { profileType, unit, spots, baseline } = input;
  const lines = [`# Hot spots: ${profileType}`, '', ...sideLines('', input, unit)];
  if (baseline !== undefined) lines.push(...sideLines('baseline ', baseline, unit));
  if (spots.total === 0n && (baseline === undefined || baseline.spots.total === 0n)) {
    lines.push('', 'No data.');
  } else {
    lines.push('', 'Self: in the function itself. Total: with all it calls, recursion once.');
  }
  const text = `${lines.join('\n')}\n`;
  // Only a selector of hundreds of characters gets here.
  return text.length <= charsMax ? text : `${[...text].slice(0, charsMax / 2).join('')}…\n`;
}

function sideLines(prefix: string, { selector, range, spots }: ReportSide, unit: string): string[] {
  const { total, pathCount, functions } = spots;
  const size = `${valueText(total, unit)}, ${functions.length} functions, ${pathCount} stacks`;
  return [
    `- ${prefix}selector: \`${selector.replaceAll('`', "'")}\``,
    `- ${prefix}time: ${rangeText(range)}`,
    `- ${prefix}total: ${size}`,
  ];
}

function sectionsOf(input: ReportInput): Section[] {
  const { spots, baseline } = input;
  const byTotal = spots.functions.toSorted(
    (a, b) => descending(a.total, b.total) || compareUtf8(a.name, b.name),
  );
  const change = baseline === undefined ? [] : changeSections(input, baseline.spots);
  return [
    ...change,
    functionSection('Top by self', 'functions by self', input, spots.functions, 'self'),
    functionSection('Top by total', 'functions by total', input, byTotal, 'total'),
    pathSection(input),
  ];
}

function functionSection(
  title: string,
  rowName: string,
  { spots, unit }: ReportInput,
  functions: readonly HotFunction[],
  first: 'self' | 'total',
): Section {
  const second = first === 'self' ? 'total' : 'self';
  const head = tableHead(title, `${first} | | ${second}`);
  const rows = functions
    .filter((one) => one[first] > 0n)
    .slice(0, rowsMax)
    .map((one) => {
      const shares = [percent(one[first], spots.total), valueText(one[first], unit)];
      const cells = [...shares, percent(one[second], spots.total), nameText(one.name)];
      return `| ${[...cells, placeText(one.where)].join(' | ')} |\n`;
    });
  return { rowName, head, rows };
}

/** Three columns of numbers, a function and its place. */
function tableHead(title: string, numbers: string): string {
  return `\n## ${title}\n\n| ${numbers} | function | where |\n|--:|--:|--:|---|---|\n`;
}

function pathSection({ spots, unit }: ReportInput): Section {
  const rows = spots.paths.slice(0, rowsMax).map(({ names, value, where }, i) => {
    const place = where === '' ? '' : ` at ${placeText(where)}`;
    const share = percent(value, spots.total);
    return `${i + 1}. ${share}, ${valueText(value, unit)}: ${pathText(names)}${place}\n`;
  });
  return { rowName: 'paths', head: '\n## Hottest paths\n\n', rows };
}

interface Change {
  name: string;
  where: string;
  before: bigint;
  after: bigint;
  /** Difference of the shares, over the product of both totals: exact. */
  weight: bigint;
}

/**
 * Shares of self are compared, not values: the two ranges may be of different length, or see
 * different traffic.
 */
function changeSections({ spots, unit }: ReportInput, baseline: HotSpots): Section[] {
  const before = new Map(baseline.functions.map((one) => [one.name, one]));
  const names = new Map(spots.functions.map((one) => [one.name, one]));
  const changes: Change[] = [];
  // A side without data has no shares; every function of the other is then all gain or all loss.
  const scale = { after: spots.total || 1n, before: baseline.total || 1n };
  for (const name of new Set([...names.keys(), ...before.keys()])) {
    const now = names.get(name);
    const then = before.get(name);
    const after = now?.self ?? 0n;
    const was = then?.self ?? 0n;
    const weight = after * scale.before - was * scale.after;
    changes.push({ name, where: now?.where || then?.where || '', before: was, after, weight });
  }
  const section = (title: string, rowName: string, sign: bigint): Section => {
    const head = tableHead(title, 'self | was | now');
    const rows = changes
      .filter(({ weight }) => weight * sign > 0n)
      .sort((a, b) => descending(a.weight * sign, b.weight * sign) || compareUtf8(a.name, b.name))
      .slice(0, rowsMax)
      .map((change) => changeRow(change, scale, unit));
    return { rowName, head, rows };
  };
  return [
    section('Grew against the baseline', 'gains', 1n),
    section('Shrank against the baseline', 'losses', -1n),
  ];
}

function changeRow(
  { name, where, before, after, weight }: Change,
  scale: { after: bigint; before: bigint },
  unit: string,
): string {
  const points = percent(weight < 0n ? -weight : weight, scale.after * scale.before);
  const was = `${percent(before, scale.before)}, ${valueText(before, unit)}`;
  const now = `${percent(after, scale.after)}, ${valueText(after, unit)}`;
  const difference = `${weight < 0n ? '-' : '+'}${points.replace('%', 'points')}`;
  return `| ${[difference, was, now, nameText(name), placeText(where)].join(' | ')} |\n`;
}
