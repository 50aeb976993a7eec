// What `phlox inspect --json` prints: one object a line, so that any number of blocks streams. The
// member `kind` tells them apart: block, damaged, unfinished, folder, total.
import type { FoundBlock } from './blocks.ts';
import type { InspectReport } from './inspect-report.ts';
import type { Output } from './output.ts';

/** Writes each finding to `output` as it comes. */
export function createJsonReport(output: Output): InspectReport {
  const write = (value: Record<string, unknown>) => output.line(JSON.stringify(value));
  const block = ({ tenant, prefix, state }: FoundBlock) => {
    const { kind, ...rest } = state;
    return write({ kind, tenant, folder: prefix, ...rest });
  };
  return {
    only: block,
    begin: async () => undefined,
    block,
    end: ({ tenant, prefix }, totals, { profiles, blocks, shipped }) => {
      const setAside = { profilesInQuarantine: profiles, blocksInQuarantine: blocks };
      return write({ kind: 'folder', tenant, folder: prefix, ...totals, ...setAside, shipped });
    },
    done: (folders, totals) => write({ kind: 'total', folders, ...totals }),
  };
}
