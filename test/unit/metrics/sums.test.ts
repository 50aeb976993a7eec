// Samples of many registries added up, against what was counted.
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/metrics/registry.ts';
import { eachSample, samplesOf } from '../../../src/metrics/samples.ts';
import { familiesOf, MetricSums } from '../../../src/metrics/sums.ts';

const fresh = () => createMetrics({ processMetrics: false });
const textOf = ({ registry }: ReturnType<typeof fresh>) => registry.metrics();
const families = familiesOf(await textOf(fresh()));
const all = { hasGauges: true };

async function sumOf(registries: ReturnType<typeof fresh>[], samplesMax = 10_000) {
  const sums = new MetricSums(families, samplesMax);
  for (const one of registries) sums.add(samplesOf(await textOf(one), 10 ** 6).text, all);
  return sums;
}

const push = { method: 'POST', route: 'push', status_code: '200', ws: 'false' };

describe('sums of metrics', () => {
  it('are what one registry says that has counted all of it, heads and all', async () => {
    const [one, two, both] = [fresh(), fresh(), fresh()];
    for (const [at, seconds] of [0.0625, 0.5, 8, 0.5, 100].entries()) {
      for (const to of [at % 2 === 0 ? one : two, both]) {
        to.http.requestDurationSeconds.observe(push, seconds);
        to.ingest.profilesReceived.inc({ tenant: 'a', scope_name: '', scope_version: '' }, at);
        to.http.panics.inc();
        to.retention.localBytes.inc(at);
      }
    }
    const sums = await sumOf([one, two]);
    expect(sums.samples()).toBe(samplesOf(await textOf(both), 10 ** 6).text);
    // Families without samples have no head here.
    const parts = (await textOf(both)).split(/^(?=# HELP )/m).filter((part) => /^\w/m.test(part));
    const headsOf = (text: string) => text.split('\n').filter((line) => line.startsWith('#'));
    expect(headsOf(sums.text())).toEqual(headsOf(parts.join('')));
    expect(samplesOf(sums.text(), 10 ** 6).text).toBe(sums.samples());
  });

  it('takes equal labels for equal in any order and with any characters', async () => {
    const [one, two] = [fresh(), fresh()];
    const odd = 'a "quoted", {odd} \\ name=\nx';
    one.ingest.profilesReceived.inc({ tenant: 'a', scope_name: odd, scope_version: '}' }, 2);
    two.ingest.profilesReceived.inc({ scope_version: '}', scope_name: odd, tenant: 'a' }, 3);
    const found = [...eachSample((await sumOf([one, two])).samples())].filter(([, n]) => n !== 0);
    expect(found).toEqual([
      [
        'pyroscope_distributor_profiles_received_total{scope_name=' +
          '"a \\"quoted\\", {odd} \\\\ name=\\nx",scope_version="}",tenant="a"}',
        5,
      ],
    ]);
  });

  it('says of what is the same everywhere that it is', async () => {
    const build = { version: '1', revision: '', branch: '', goversion: 'w' };
    const three = [fresh(), fresh(), fresh()];
    for (const one of three) one.http.buildInfo.set(build, 1);
    const text = (await sumOf(three)).text();
    expect(text).toMatch(/^pyroscope_build_info\{.*\} 1$/m);
  });

  it('leaves gauges out where they are of the past', async () => {
    const one = fresh();
    one.retention.localBytes.set(7);
    one.http.panics.inc();
    const sums = new MetricSums(families, 100);
    sums.add(samplesOf(await textOf(one), 10 ** 6).text, { hasGauges: false });
    const found = [...eachSample(sums.samples())].filter(([, value]) => value !== 0);
    expect(found).toEqual([['pyroscope_panic_total', 1]]);
  });

  it('adds up further tenants over its bound, and loses none of their counts', async () => {
    const tenants = Array.from({ length: 50 }, (_, at) => {
      const one = fresh();
      one.ingest.profilesReceived.inc({ tenant: `t${at}`, scope_name: '', scope_version: '' }, at);
      return one;
    });
    const plain = (await sumOf([fresh()])).samples().split('\n').length - 1;
    const sums = await sumOf(tenants, plain + 20);
    const found = [...eachSample(sums.samples())].filter(([id]) => id.includes('received_total{'));
    expect(found).toHaveLength(21);
    const others = found.filter(([id]) => id.includes('tenant="other tenants"'));
    expect(others).toEqual([[expect.any(String), (20 + 49) * 15]]);
    expect(sums.leftOutCount).toBe(0);
  });

  it('counts what has no place and no tenant', async () => {
    const sums = new MetricSums(families, 2);
    sums.add('pyroscope_panic_total 1\nphlox_unheard_of_total 4\n', all);
    for (const kind of ['a', 'b', 'c']) sums.add(`phlox_queries_total{kind="${kind}"} 1\n`, all);
    expect(sums.leftOutCount).toBe(2);
    expect(sums.samples()).toBe('pyroscope_panic_total 1\nphlox_queries_total{kind="a"} 1\n');
  });
});

describe('samples of a registry', () => {
  it('are cut between families, and those that do not fit are named', async () => {
    const one = fresh();
    one.http.requestDurationSeconds.observe(push, 1);
    one.http.panics.inc();
    const whole = samplesOf(await textOf(one), 10 ** 6);
    expect(whole.leftOut).toEqual([]);
    const cut = samplesOf(await textOf(one), 1_500);
    expect(cut.text.length).toBeLessThan(1_500);
    expect(cut.leftOut).toContain('pyroscope_request_duration_seconds');
    expect(cut.text).toContain('pyroscope_panic_total 1\n');
  });
});
