// Samples as lines of text, `name{label="value",…} number`: what one registry hands to whoever adds
// up those of many. Owns their form: labels sorted, so that equal ones are equal texts, no heads.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

/** A label and its value as it is written, quotes and escapes included. */
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)=("(?:[^"\\]|\\.)*")/g;

export interface Samples {
  /** Lines, each with its end. */
  text: string;
  /** Families that did not fit. */
  leftOut: string[];
}

/** The samples of a registry's text, whole families only, of at most so many characters. */
export function samplesOf(registryText: string, charsMax: number): Samples {
  const leftOut: string[] = [];
  let text = '';
  for (const part of registryText.split(/^(?=# HELP )/m)) {
    const lines = part.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const family = lines.map((line) => `${sortedLabels(line)}\n`).join('');
    if (text.length + family.length <= charsMax) text += family;
    else leftOut.push(/^# HELP (\S+)/.exec(part)?.[1] ?? '');
  }
  return { text, leftOut };
}

function sortedLabels(line: string): string {
  const open = line.indexOf('{');
  const close = line.lastIndexOf('}');
  if (open < 0) return line;
  const labels = [...line.slice(open, close).matchAll(labelForm)].map(([label]) => label);
  return `${line.slice(0, open)}{${labels.sort().join(',')}${line.slice(close)}`;
}

/** Every sample of such a text: its name with its labels, and its value. */
export function* eachSample(text: string): Generator<[id: string, value: number]> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const space = text.lastIndexOf(' ', end);
    yield [text.slice(at, space), Number(text.slice(space + 1, end))];
    at = end + 1;
  }
}
