// The limits in force: ours, or those of the file that the setting `limits` names.
import type { Settings } from '../config/settings.ts';
import type { SubService } from '../ingester/lifecycle.ts';
import type { Logger } from '../lib/log.ts';
import type { LimitsOf } from '../limits/limits.ts';
import {
  builtInLimits,
  type LimitsTable,
  limitsOfTenant,
  parseLimitsFile,
} from '../limits/limits-file.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { watchSettingsFile } from './settings-files.ts';

export interface LimitsInForce {
  limitsOf: LimitsOf;
  /** For a status page: of all tenants, or of the one that whoever asks reaches. */
  view: (reach: string | undefined) => object;
  /** The file's: none without one. */
  services: readonly SubService[];
}

/** Nothing is read before the services start. */
export function createLimits(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): LimitsInForce {
  const path = settings.limits;
  if (path === undefined) return inForce(() => builtInLimits, []);
  const file = watchSettingsFile({
    platform,
    metrics,
    log,
    setting: 'limits',
    path,
    initial: builtInLimits,
    parse: parseLimitsFile,
  });
  return inForce(() => file.value, [file]);
}

function inForce(table: () => LimitsTable, services: readonly SubService[]): LimitsInForce {
  return {
    limitsOf: (tenant) => limitsOfTenant(table(), tenant),
    view: (reach) => viewOf(table(), reach),
    services,
  };
}

/** The view of all tenants where the setting is the text itself. Throws `invalid`. */
export function namedLimits({ limits }: Pick<Settings, 'limits'>): object {
  return viewOf(limits === undefined ? builtInLimits : parseLimitsFile(limits), undefined);
}

function viewOf({ defaults, overrides }: LimitsTable, reach: string | undefined): object {
  const seen = [...overrides].filter(([tenant]) => reach === undefined || tenant === reach);
  return { defaults, overrides: Object.fromEntries(seen) };
}
