// The keys in force: of the text of the setting, or of the file that it names, which is read again
// when it changes. Owns what an operator's mistakes lead to: never to a server without keys.
import { holdsKey, KeyRing, parseKeys } from '../auth/keys.ts';
import { Failure } from '../errors.ts';
import type { SubService } from '../ingester/lifecycle.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { watchSettingsFile } from './settings-files.ts';

export interface Keys {
  ring: () => KeyRing;
  services: readonly SubService[];
}

/** Undefined without the setting. Throws `invalid` for a text that makes no sense. */
export function createKeys(
  setting: string | undefined,
  platform: Pick<Platform, 'editedFile'>,
  metrics: Metrics,
  log: Logger,
): Keys | undefined {
  if (setting === undefined) return undefined;
  if (setting.startsWith('[')) {
    const ring = new KeyRing(parseKeys(setting));
    return { ring: () => ring, services: [] };
  }
  // A path is logged.
  if (holdsKey(setting)) throw new Failure('invalid', 'setting keys is a key, not a file of keys');
  const file = watchSettingsFile({
    platform,
    metrics,
    log,
    setting: 'keys',
    path: setting,
    initial: new KeyRing([]),
    parse: (text) => new KeyRing(parseKeys(text)),
  });
  return { ring: () => file.value, services: [file] };
}
