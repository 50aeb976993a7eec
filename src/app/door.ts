// What every door over the routes needs of the settings and of the platform.
import { allowedHostsFor } from '../api/hosts.ts';
import type { BuildInfo } from '../api/ops.ts';
import { parseListen, type Settings } from '../config/settings.ts';
import type { Platform } from '../platform.ts';
import { version } from '../version.ts';

/** As Pyroscope answers it; what is not known is empty. */
export function buildInfoOf({ runtimeName }: Pick<Platform, 'runtimeName'>): BuildInfo {
  const unknown = { revision: '', branch: '', buildUser: '', buildDate: '' };
  return { version, ...unknown, goVersion: runtimeName };
}

/** Without keys only a server that everybody may reach answers to any name. */
export function doorSettings(settings: Settings) {
  const { multitenancy, tenantLabel, corsOrigins, otlpServiceNameAttributes } = settings;
  const isAnyHost = settings.insecure || settings.keys !== undefined;
  const allowedHosts = isAnyHost
    ? undefined
    : allowedHostsFor(parseListen(settings.listen).hostname);
  const named = { multitenancy, tenantLabel, corsOrigins, otlpServiceNameAttributes };
  return allowedHosts === undefined ? named : { ...named, allowedHosts };
}
