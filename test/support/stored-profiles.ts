// What blocks on a real disk hold, read as a stranger reads them: with DuckDB. Owns how a profile
// is told to be stored as a whole, and how often.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openDuckdb } from './duckdb.ts';

/**
 * How often each profile is stored in the blocks of a folder, told by its time; 0 when rows of it
 * are missing. A profile has one row in each of `seriesOfOne` series. Nothing may be writing there.
 */
export async function storedTimes(
  folder: string,
  seriesOfOne: number,
): Promise<Map<bigint, number>> {
  if ((await blockNames(folder)).length === 0) return new Map();
  const duckdb = await openDuckdb();
  try {
    const rows = await duckdb.rows(
      `SELECT time_ns, min(copies) AS fewest, max(copies) AS most, count(*) AS series FROM (
         SELECT p.time_ns, s.labels, count(*) AS copies
         FROM block_table('${folder}/*', 'profiles') p
         JOIN block_table('${folder}/*', 'series') s USING (block, series_id)
         GROUP BY ALL
       ) GROUP BY time_ns`,
    );
    return new Map(
      rows.map((row) => {
        const isWhole = row['series'] === BigInt(seriesOfOne) && row['fewest'] === row['most'];
        return [row['time_ns'] as bigint, isWhole ? Number(row['most']) : 0];
      }),
    );
  } finally {
    duckdb.close();
  }
}

/** Names of the blocks in a folder; none when it is not there. */
export async function blockNames(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const names = await readdir(folder);
  return names.filter((name) => existsSync(join(folder, name, 'meta.json')));
}
