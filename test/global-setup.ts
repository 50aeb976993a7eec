// Says before a run what it leaves out, and how to put it in.
import { smallDiskObstacle } from './support/small-disk.ts';

/** Suites that need something a fresh checkout does not have, or more time than a run should. */
const optional: readonly { variable: string; missing: string }[] = [
  {
    variable: 'PHLOX_TEST_S3',
    missing:
      'skipped: the bucket suite against Ceph, for want of PHLOX_TEST_S3. As root on Debian: ' +
      'eval "$(test/support/ceph.sh up FOLDER 8931)"',
  },
  {
    variable: 'PHLOX_TEST_CLIENTS',
    missing:
      'skipped: live runs of the clients whose captures are sent: Go, Python, Rust, Collector. ' +
      'PLACE=FOLDER sh test/clients/make.sh, then PHLOX_TEST_CLIENTS=FOLDER',
  },
  {
    variable: 'PHLOX_FUZZ',
    missing:
      'shortened: fuzzers run their default number of mutants. Set PHLOX_FUZZ=20000 for all.',
  },
  {
    variable: 'PHLOX_TEST_KILLS',
    missing: 'shortened: five kills for each runtime. Set PHLOX_TEST_KILLS=50 for all.',
  },
  {
    variable: 'PHLOX_TEST_SHARDS',
    missing: 'skipped: the wire table over spread tenants. PHLOX_TEST_SHARDS=3 asks them instead.',
  },
  {
    variable: 'PHLOX_TEST_QUERY_STEPS',
    missing:
      'shortened: queries of objects in workerd, and none of them killed. ' +
      'PHLOX_TEST_QUERY_STEPS=600 for all.',
  },
  {
    variable: 'PHLOX_TEST_SEEDS',
    missing: 'shortened: two hundred simulated worlds. Set PHLOX_TEST_SEEDS=10000 for all.',
  },
];

/** Vitest calls this once, before any suite. */
export function setup(): void {
  for (const { variable, missing } of optional) {
    if (!process.env[variable]) console.info(missing);
  }
  const obstacle = smallDiskObstacle();
  if (obstacle !== undefined) console.info(`skipped: the disk that is really full: ${obstacle}`);
}
