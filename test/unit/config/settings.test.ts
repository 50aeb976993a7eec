// Settings: precedence, names, units, and what is refused.
import { describe, expect, it } from 'vitest';
import {
  environmentName,
  flagName,
  parseListen,
  resolveSettings,
  shownSettings,
} from '../../../src/config/settings.ts';
import { parseBytes, parseDurationMs } from '../../../src/config/units.ts';

describe('resolveSettings', () => {
  it('has defaults that serve on loopback without a bucket', () => {
    expect(resolveSettings({})).toEqual({
      listen: '127.0.0.1:4040',
      dataDir: './data',
      multitenancy: false,
      otlpServiceNameAttributes: ['service.name'],
      corsOrigins: [],
      insecure: false,
      logBytesMax: 2 ** 31,
      memoryMax: 2 ** 30,
      headAgeMax: 3_600_000,
      headBytesMax: 256 * 2 ** 20,
      shipInterval: 300_000,
      retentionLocalAge: 7 * 86_400_000,
      retentionBucketAge: 31 * 86_400_000,
      retentionBytes: 'off',
      retentionDiskFreePercent: 5,
      retentionDiskFreeBytes: 10 * 2 ** 30,
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  it('prefers the flag to the environment, that to the file, that to the default', () => {
    const settings = resolveSettings({
      flags: { '--head-age-max': '1m' },
      environment: { PHLOX_HEAD_AGE_MAX: '2m', PHLOX_SHIP_INTERVAL: '3m' },
      file: { headAgeMax: '4m', shipInterval: '5m', memoryMax: '128MiB' },
    });
    expect(settings).toMatchObject({
      headAgeMax: 60_000,
      shipInterval: 180_000,
      memoryMax: 128 * 2 ** 20,
    });
  });

  it.each([
    [
      { flags: { '--head-ag-max': '1m' } },
      'unknown setting --head-ag-max: did you mean --head-age-max?',
    ],
    [
      { environment: { PHLOX_LISTN: 'x' } },
      'unknown setting PHLOX_LISTN: did you mean PHLOX_LISTEN?',
    ],
    [{ file: { datadir: 'x' } }, 'unknown setting datadir: did you mean dataDir?'],
    [{ file: { zzzzzzzzzzzz: 1 } }, 'unknown setting zzzzzzzzzzzz: known are listen'],
  ])('refuses an unknown name and hints at the nearest: %j', (sources, message) => {
    expect(() => resolveSettings(sources)).toThrow(message);
  });

  it.each([
    [{ PHLOX_MEMORY_MAX: 'lots' }, 'setting PHLOX_MEMORY_MAX "lots" is not a size such as 256MiB'],
    [
      { PHLOX_MEMORY_MAX: '1MiB' },
      'setting PHLOX_MEMORY_MAX "1MiB" is under the least, 67108864 bytes',
    ],
    [{ PHLOX_HEAD_AGE_MAX: '1' }, 'setting PHLOX_HEAD_AGE_MAX "1" is not a duration such as 5m'],
    [
      { PHLOX_HEAD_AGE_MAX: '25h' },
      'setting PHLOX_HEAD_AGE_MAX "25h" is over the most, 86400000 ms',
    ],
    [{ PHLOX_MULTITENANCY: 'yes' }, 'setting PHLOX_MULTITENANCY "yes"'],
    [
      { PHLOX_LOG_LEVEL: 'loud' },
      'setting PHLOX_LOG_LEVEL "loud" is not one of debug info warn error',
    ],
    [{ PHLOX_LISTEN: 'nowhere' }, 'setting PHLOX_LISTEN "nowhere" is not host:port'],
    [
      { PHLOX_LISTEN: '127.0.0.1:70000' },
      'setting PHLOX_LISTEN "127.0.0.1:70000" is not host:port',
    ],
  ])('names setting, value and bound: %j', (environment, message) => {
    expect(() => resolveSettings({ environment })).toThrow(message);
  });

  it('takes retention from the environment, each rule of it on or off', () => {
    const settings = resolveSettings({
      environment: {
        PHLOX_RETENTION_LOCAL_AGE: '36h',
        PHLOX_RETENTION_BUCKET_AGE: 'off',
        PHLOX_RETENTION_BYTES: '50GiB',
        PHLOX_RETENTION_DISK_FREE_PERCENT: '2.5%',
        PHLOX_RETENTION_DISK_FREE_BYTES: '0',
      },
    });
    expect(settings).toMatchObject({
      retentionLocalAge: 36 * 3_600_000,
      retentionBucketAge: 'off',
      retentionBytes: 50 * 2 ** 30,
      retentionDiskFreePercent: 2.5,
      retentionDiskFreeBytes: 0,
    });
  });

  it.each([
    ['RETENTION_LOCAL_AGE', 'soon', 'is not a duration such as 5m'],
    ['RETENTION_LOCAL_AGE', '10s', 'is under the least, 60000 ms'],
    ['RETENTION_BUCKET_AGE', '0', 'is not a duration such as 5m'],
    ['RETENTION_BUCKET_AGE', '200000d', 'is over the most, 316224000000 ms'],
    ['RETENTION_BYTES', 'OFF', 'is not a size such as 256MiB'],
    ['RETENTION_BYTES', '10', 'is under the least, 1048576 bytes'],
    ['RETENTION_DISK_FREE_PERCENT', 'off', 'is not a percentage such as 5'],
    ['RETENTION_DISK_FREE_PERCENT', '91', 'is over the most, 90 percent'],
    ['RETENTION_DISK_FREE_BYTES', '-1', 'is not a size such as 256MiB'],
  ])('refuses %s %s', (name, value, message) => {
    const environment = { [`PHLOX_${name}`]: value };
    expect(() => resolveSettings({ environment })).toThrow(
      `setting PHLOX_${name} ${JSON.stringify(value)} ${message}`,
    );
  });

  it('takes names as a list or joined by commas, and none that is empty', () => {
    const otlpServiceNameAttributes = ['service.name', 'k8s.deployment.name'];
    const take = (names: string) =>
      resolveSettings({ environment: { PHLOX_OTLP_SERVICE_NAME_ATTRIBUTES: names } });
    const joined = take('service.name, k8s.deployment.name');
    const listed = resolveSettings({ file: { otlpServiceNameAttributes } });
    expect([joined, listed]).toMatchObject([
      { otlpServiceNameAttributes },
      { otlpServiceNameAttributes },
    ]);
    expect(() => take('service.name,')).toThrow('"service.name," is not a list of names');
  });

  it('takes plain numbers in the file for percent and bytes', () => {
    const file = { retentionDiskFreePercent: 0, retentionDiskFreeBytes: 2 ** 30 };
    expect(resolveSettings({ file })).toMatchObject(file);
    expect(() => resolveSettings({ file: { retentionDiskFreePercent: -1 } })).toThrow(
      'setting retentionDiskFreePercent -1 is under the least, 0 percent',
    );
  });

  it('refuses an address that others reach unless told that this is meant', () => {
    const environment = { PHLOX_LISTEN: '0.0.0.0:4040' };
    expect(() => resolveSettings({ environment })).toThrow(
      'setting PHLOX_LISTEN "0.0.0.0:4040" is not loopback and nothing checks who calls',
    );
    const allowed = resolveSettings({ environment: { ...environment, PHLOX_INSECURE: 'true' } });
    expect(allowed.listen).toBe('0.0.0.0:4040');
  });

  it('allows such an address when keys are asked for', () => {
    const environment = { PHLOX_LISTEN: '0.0.0.0:4040', PHLOX_KEYS: '/etc/phlox/keys.json' };
    expect(resolveSettings({ environment }).keys).toBe('/etc/phlox/keys.json');
    // A list without keys lets nobody in, rather than everybody.
    expect(resolveSettings({ file: { listen: '0.0.0.0:4040', keys: [] } }).keys).toBe('[]');
  });

  it('takes a label that names tenants only beside keys', () => {
    const environment = { PHLOX_TENANT_LABEL: 'team' };
    expect(() => resolveSettings({ environment })).toThrow(
      'setting PHLOX_TENANT_LABEL is for operator keys, and there are no keys',
    );
    const both = { ...environment, PHLOX_KEYS: '[]' };
    expect(resolveSettings({ environment: both }).tenantLabel).toBe('team');
  });

  it('refuses an empty name of keys, and repeats none of their text', () => {
    const refuse = (sources: Parameters<typeof resolveSettings>[0]) => {
      try {
        resolveSettings(sources);
      } catch (error) {
        return String(error);
      }
      return 'accepted';
    };
    expect(refuse({ environment: { PHLOX_KEYS: '' } })).toMatch(/setting PHLOX_KEYS is empty$/);
    const wrong = refuse({ file: { keys: { secret: 'do-not-show' } } });
    expect(wrong).toMatch(/setting keys /);
    expect(wrong).not.toContain('do-not-show');
  });

  it('shows settings with the keys masked', () => {
    const shown = shownSettings(resolveSettings({ file: { keys: [{ sha256: 'do-not-show' }] } }));
    expect(shown).toMatchObject({ keys: '***', listen: '127.0.0.1:4040' });
    expect(JSON.stringify(shown)).not.toContain('do-not-show');
    expect(shownSettings(resolveSettings({}))).not.toHaveProperty('keys');
  });

  it('takes origins as a list or joined by commas, each as a browser writes it', () => {
    const corsOrigins = ['https://shop.example', 'http://localhost:3000'];
    const joined = { PHLOX_CORS_ORIGINS: 'https://shop.example, http://localhost:3000' };
    expect(resolveSettings({ environment: joined }).corsOrigins).toEqual(corsOrigins);
    expect(resolveSettings({ file: { corsOrigins } }).corsOrigins).toEqual(corsOrigins);
    for (const odd of [
      '*',
      'null',
      '',
      'shop.example',
      'https://shop.example/',
      'https://A.example',
    ]) {
      expect(() => resolveSettings({ environment: { PHLOX_CORS_ORIGINS: odd } })).toThrow(
        `setting PHLOX_CORS_ORIGINS ${JSON.stringify(odd)} is not a list of origins`,
      );
    }
  });

  it('leaves names for tools around the server alone', () => {
    const environment = { PHLOX_CONFIG: 'x', PHLOX_TEST_S3: 'y', PHLOX_FUZZ: '1', HOME: 'z' };
    expect(() => resolveSettings({ environment })).not.toThrow();
  });
});

describe('names', () => {
  it('derives flag and environment variable from the key', () => {
    expect(flagName('headAgeMax')).toBe('--head-age-max');
    expect(environmentName('headAgeMax')).toBe('PHLOX_HEAD_AGE_MAX');
  });
});

describe('units', () => {
  it.each([
    ['1024', 1024],
    ['2GiB', 2 ** 31],
    ['1.5 kib', 1536],
    ['3MB', 3e6],
    ['', undefined],
    ['12 parsecs', undefined],
    ['-1', undefined],
    ['99999999999TiB', undefined],
  ])('reads the size %j', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['5', undefined],
    ['m', undefined],
    ['1h-5m', undefined],
  ])('reads the duration %j', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it('splits addresses, IPv6 in brackets', () => {
    expect(parseListen('[::1]:0')).toEqual({ hostname: '::1', port: 0 });
    expect(parseListen('localhost:80')).toEqual({ hostname: 'localhost', port: 80 });
  });
});
