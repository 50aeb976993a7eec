// Names of Go's generic functions as they are stored. Shares no code with the product.

/** A function's name without `[go.shape.…]`, whose brackets nest. */
export function storedName(name: string): string {
  const mark = name.indexOf('[go.shape.');
  if (mark < 0) return name;
  let depth = 0;
  for (let at = mark; at < name.length; at++) {
    if (name[at] === '[') depth++;
    else if (name[at] === ']' && --depth === 0) {
      return name.slice(0, mark) + storedName(name.slice(at + 1));
    }
  }
  return name;
}
