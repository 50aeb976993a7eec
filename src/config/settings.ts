// The settings: one table of names, defaults and bounds, from which flags, environment variables
// and the keys of the configuration file are derived. Owns precedence (flag > environment > file >
// default) and refuses what it does not know. Settings are data: nothing here opens or starts.
import * as v from 'valibot';
import { Failure } from '../errors.ts';
import { logFormats, logLevels } from '../lib/log.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { parseBytes, parseDurationMs } from './units.ts';

const mib = 2 ** 20;

const text = v.pipe(v.string(), v.trim(), v.minLength(1, 'is empty'));
const flag = v.union([
  v.boolean(),
  v.pipe(
    v.picklist(['true', 'false', '1', '0'], 'is neither true nor false'),
    v.transform((word) => word === 'true' || word === '1'),
  ),
]);

function bytes(min: number, max: number) {
  return v.pipe(
    v.union([v.number(), v.string()]),
    v.transform((value) => (typeof value === 'number' ? value : (parseBytes(value) ?? Number.NaN))),
    v.check((value) => Number.isSafeInteger(value), 'is not a size such as 256MiB'),
    v.check((value) => value >= min, `is under the least, ${min} bytes`),
    v.check((value) => value <= max, `is over the most, ${max} bytes`),
  );
}

function durationMs(minMs: number, maxMs: number) {
  return v.pipe(
    v.string(),
    v.transform((value) => parseDurationMs(value) ?? Number.NaN),
    v.check((value) => Number.isSafeInteger(value), 'is not a duration such as 5m'),
    v.check((value) => value >= minMs, `is under the least, ${minMs} ms`),
    v.check((value) => value <= maxMs, `is over the most, ${maxMs} ms`),
  );
}

function percent(max: number) {
  return v.pipe(
    v.union([v.number(), v.string()]),
    v.transform((value) => (typeof value === 'number' ? value : parsePercent(value))),
    v.check((value) => Number.isFinite(value), 'is not a percentage such as 5'),
    v.check((value) => value >= 0, 'is under the least, 0 percent'),
    v.check((value) => value <= max, `is over the most, ${max} percent`),
  );
}

function parsePercent(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim());
  return match === null ? Number.NaN : Number(match[1]);
}

/** `off`, or what `schema` takes: the messages stay those of `schema`. */
function orOff<S extends v.GenericSchema>(schema: S) {
  const off = v.literal('off');
  return v.lazy((input): typeof off | S => (input === 'off' ? off : schema));
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Ten years: longer is what `off` is for. */
const retentionAgeMaxMs = 3_660 * dayMs;

/** Texts separated by commas, or a list of them. */
const list = v.union([
  v.pipe(
    v.string(),
    v.transform((texts) => texts.split(',').map((one) => one.trim())),
  ),
  v.array(v.string()),
]);
const names = v.pipe(
  list,
  v.check((texts) => texts.every((one) => one !== ''), 'is not a list of names'),
);
/** As browsers write them in `Origin`. */
const origins = v.pipe(
  list,
  v.check(
    (texts) => texts.every(isOrigin),
    'is not a list of origins such as https://shop.example',
  ),
);

/** In the file these are the keys; `--head-age-max` and `PHLOX_HEAD_AGE_MAX` follow from them. */
export const settingsSchema = v.strictObject({
  /** Address and port of the HTTP server. */
  listen: v.optional(v.pipe(text, v.check(isListenAddress, 'is not host:port')), '127.0.0.1:4040'),
  /** Where blocks are kept on this machine. */
  dataDir: v.optional(text, './data'),
  /** `s3://name/prefix?region=…&endpoint=…&path_style=true` or `file:///path`; none: stay local. */
  bucket: v.optional(text),
  /** With it on, `X-Scope-OrgID` names the tenant of every request. */
  multitenancy: v.optional(flag, false),
  /** A JSON list of keys, or the file that holds it. None: nobody is asked for a key. */
  keys: v.optional(
    v.union([
      text,
      v.pipe(
        v.array(v.unknown()),
        v.transform((list) => JSON.stringify(list)),
      ),
    ]),
  ),
  /** Names the tenant of a push with an operator's key when the request names none. */
  tenantLabel: v.optional(text),
  /** Origins whose pages may push. */
  corsOrigins: v.optional(origins, []),
  /** Allows an address other than loopback while nothing checks who calls. */
  insecure: v.optional(flag, false),
  /** Records not yet in a block, all tenants together. */
  logBytesMax: v.optional(bytes(mib, 2 ** 40), '2GiB'),
  /** Heads of all tenants together, and the log while it is kept in memory. */
  memoryMax: v.optional(bytes(64 * mib, 2 ** 40), '1GiB'),
  /** A head is flushed at the next multiple of this age. */
  headAgeMax: v.optional(durationMs(1_000, 24 * hourMs), '1h'),
  /** A head over this size is flushed; to write it takes up to twice as much again, of 4 GiB. */
  headBytesMax: v.optional(bytes(mib, 1024 * mib), '256MiB'),
  /** How often blocks that are not in the bucket are tried again. */
  shipInterval: v.optional(durationMs(1_000, 24 * hourMs), '5m'),
  /** Local blocks whose data is older are deleted; with a bucket only those that are in it. */
  retentionLocalAge: v.optional(orOff(durationMs(minuteMs, retentionAgeMaxMs)), '7d'),
  /** Blocks in the bucket whose data is older are deleted. */
  retentionBucketAge: v.optional(orOff(durationMs(minuteMs, retentionAgeMaxMs)), '31d'),
  /** Local blocks of all tenants together. */
  retentionBytes: v.optional(orOff(bytes(mib, 2 ** 50)), 'off'),
  /**
   * Disk that stays free, as a part of the disk and in bytes: the smaller of the two is what is
   * kept, so that neither a small nor a large disk loses more than it must. 0 turns it off.
   */
  retentionDiskFreePercent: v.optional(percent(90), 5),
  retentionDiskFreeBytes: v.optional(bytes(0, 2 ** 50), '10GiB'),
  /** A JSON file of limits, for all tenants and for some; read again when it changes. */
  limits: v.optional(text),
  /** Attributes of an OTLP resource that may name the service: the first that is there does. */
  otlpServiceNameAttributes: v.optional(names, ['service.name']),
  logLevel: v.optional(v.picklist(logLevels, `is not one of ${logLevels.join(' ')}`), 'info'),
  logFormat: v.optional(v.picklist(logFormats, `is not one of ${logFormats.join(' ')}`), 'json'),
});

export type Settings = v.InferOutput<typeof settingsSchema>;
export type SettingsInput = v.InferInput<typeof settingsSchema>;
type SettingName = keyof Settings;

export const settingNames = Object.keys(settingsSchema.entries) as SettingName[];

/** `headAgeMax` → `PHLOX_HEAD_AGE_MAX`. */
export function environmentName(name: string): string {
  return `PHLOX_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `headAgeMax` → `--head-age-max`. */
export function flagName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Where a value came from and what it is called there, for messages. */
interface Source {
  values: Readonly<Record<string, unknown>>;
  nameOf: (name: string) => string;
}

export interface SettingsSources {
  /** By flag name, as typed: `{ '--listen': '…' }`. */
  flags?: Readonly<Record<string, string | boolean>>;
  environment?: Readonly<Record<string, string | undefined>>;
  /** The parsed configuration file. */
  file?: Readonly<Record<string, unknown>>;
}

/** Names in the environment that are for tools around the server, not settings of it. */
const environmentIgnored = /^PHLOX_(?:CONFIG$|KEY$|TEST_|FUZZ)/;

/** The effective settings. Throws `invalid` naming the setting as its source spells it. */
export function resolveSettings(sources: SettingsSources): Settings {
  const { flags = {}, environment = {}, file = {} } = sources;
  const phloxEnvironment = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) =>
        name.startsWith('PHLOX_') && value !== undefined && !environmentIgnored.test(name),
    ),
  );
  const ordered: Source[] = [
    { values: file, nameOf: (name) => name },
    { values: phloxEnvironment, nameOf: environmentName },
    { values: flags, nameOf: flagName },
  ];
  const merged: Record<string, unknown> = {};
  const spelled: Record<string, string> = {};
  for (const source of ordered) {
    const known = new Map(settingNames.map((name) => [source.nameOf(name), name]));
    for (const [key, value] of Object.entries(source.values)) {
      const name = known.get(key);
      if (name === undefined) throw unknownSetting(key, [...known.keys()]);
      merged[name] = value;
      spelled[name] = key;
    }
  }
  return validated(merged, spelled);
}

function validated(
  merged: Record<string, unknown>,
  spelled: Readonly<Record<string, string>>,
): Settings {
  const result = v.safeParse(settingsSchema, merged, { abortPipeEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    const name = String(issue.path?.[0]?.key ?? '');
    const value = isSecret(name) ? '' : ` ${JSON.stringify(merged[name])}`;
    throw new Failure('invalid', `setting ${spelled[name] ?? name}${value} ${issue.message}`);
  }
  const settings = result.output;
  if (settings.tenantLabel !== undefined && settings.keys === undefined) {
    const name = spelled['tenantLabel'] ?? 'tenantLabel';
    throw new Failure('invalid', `setting ${name} is for operator keys, and there are no keys`);
  }
  const isGuarded = settings.keys !== undefined || settings.insecure;
  if (!isGuarded && !isLoopback(parseListen(settings.listen).hostname)) {
    const setting = `setting ${spelled['listen'] ?? 'listen'} ${JSON.stringify(settings.listen)}`;
    const hint = `set ${environmentName('keys')}, or ${environmentName('insecure')}=true`;
    const message = `${setting} is not loopback and nothing checks who calls: ${hint}`;
    throw new Failure('invalid', message);
  }
  return settings;
}

const masked = '***';

function isSecret(name: string): boolean {
  return name === 'keys';
}

/** The settings as they may be shown. */
export function shownSettings(settings: Settings): Record<string, unknown> {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isSecret(name) ? masked : value]),
  );
}

function unknownSetting(key: string, known: readonly string[]): Failure {
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? `known are ${known.join(' ')}` : `did you mean ${nearest}?`;
  return new Failure('invalid', `unknown setting ${key}: ${hint}`);
}

export interface ListenAddress {
  /** Without brackets. */
  hostname: string;
  /** 0: any free port. */
  port: number;
}

/** Splits `host:port` and `[::1]:port`. Throws `invalid`. */
export function parseListen(listen: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new Failure('invalid', `listen address ${JSON.stringify(listen)} is not host:port`);
  }
  return { hostname: match[1] ?? (match[2] as string), port };
}

function isListenAddress(value: string): boolean {
  try {
    parseListen(value);
    return true;
  } catch {
    // The schema reports it under the name the setting has at its source.
    return false;
  }
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** True for names and addresses that only this machine can reach. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
