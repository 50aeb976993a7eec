// Files that settings name and that are read again when they change. Owns what is logged and
// counted of them; meaning is the caller's. Content is never logged: one may hold secrets.
import { Failure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';
import { WatchedFile } from '../lib/watched-file.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';

/** Thousands of tenants fit; what is longer was not meant. */
const bytesMax = 16 * 1024 * 1024;

export interface SettingsFileOptions<T> {
  platform: Pick<Platform, 'editedFile'>;
  metrics: Metrics;
  log: Logger;
  /** Name of the setting, for metrics and messages. */
  setting: string;
  path: string;
  /** In force until the file was read at start. */
  initial: T;
  /** Throws `invalid` in words that name the place in the file, without its content. */
  parse: (text: string) => T | Promise<T>;
  onChange?: (value: T) => void;
}

/** The file as a sub-service with a value: `start` refuses a bad one, `tick` keeps the old one. */
export function watchSettingsFile<T>(options: SettingsFileOptions<T>): WatchedFile<T> {
  const { platform, metrics, setting, path, initial, parse, onChange } = options;
  const { loads, isRefused } = metrics.settingsFiles;
  const log = options.log.child({ setting, file: path });
  const note = (outcome: 'ok' | 'refused') => {
    loads.inc({ setting, outcome });
    isRefused.set({ setting }, outcome === 'ok' ? 0 : 1);
  };
  let isStarted = false;
  return new WatchedFile<T>(initial, {
    file: platform.editedFile(path),
    bytesMax,
    parse: async (text) => {
      let value: T;
      try {
        value = await parse(text);
      } catch (error) {
        const message = `${setting} file ${path}: ${messageOf(error)}`;
        throw new Failure('invalid', message, { cause: error });
      }
      note('ok');
      if (isStarted) log.info('file has changed and is in force');
      isStarted = true;
      return value;
    },
    ...(onChange && { onChange }),
    onRefused: (error) => {
      note('refused');
      log.error('file cannot be used, what it said before stays in force', { error });
    },
  });
}
