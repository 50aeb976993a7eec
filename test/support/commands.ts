// Runs the commands that a page of documentation prints, so that the page cannot go stale.
import { readFile } from 'node:fs/promises';

/** The fenced blocks of a Markdown file in one language (`''`: none named), in order. */
export async function fencedBlocks(file: string, language: string): Promise<string[]> {
  const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  const blocks: { language: string; lines: string[] }[] = [];
  let open: { language: string; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open === undefined) open = { language: line.slice(3), lines: [] };
    else {
      blocks.push(open);
      open = undefined;
    }
  }
  const chosen = blocks.filter((block) => block.language === language);
  return chosen.map(({ lines }) => `${lines.join('\n')}\n`);
}
