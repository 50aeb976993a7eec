// Prints `passed failed skipped` of a vitest JSON report: `node count.mjs REPORT STATUS`. A suite
// that broke before its first case, and a run that ended badly with nothing failed, count as one.
import { existsSync, readFileSync } from 'node:fs';

const [path, status] = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { testResults: [] };

for (const { status: suiteStatus, assertionResults } of report.testResults) {
  const cases = assertionResults.map((each) => each.status);
  const failed = cases.filter((each) => each === 'failed').length;
  counts.passed += cases.filter((each) => each === 'passed').length;
  counts.skipped += cases.filter((each) => each !== 'passed' && each !== 'failed').length;
  counts.failed += suiteStatus === 'failed' ? Math.max(failed, 1) : failed;
}
const isMissing = !existsSync(path);
if ((status !== '0' || isMissing) && counts.failed === 0) counts.failed = 1;
console.info(counts.passed, counts.failed, counts.skipped);
