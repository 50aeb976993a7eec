// A limits file for tests that are not about limits: fixtures are years old and pushed in bulk.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** For the setting `limits` of a server that reads it from the disk. */
export const openLimitsPath = fileURLToPath(
  new URL('../fixtures/open-limits.json', import.meta.url),
);
export const openLimitsText = readFileSync(openLimitsPath, 'utf8');
