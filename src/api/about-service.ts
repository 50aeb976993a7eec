// What a server says about itself to user interfaces: `version.v1.Version` and
// `capabilities.v1.FeatureFlagsService`. Nothing here depends on a tenant's data.
import type { ServiceImpl } from '@connectrpc/connect';
import type { FeatureFlagsService } from '../gen/capabilities/v1/feature_flags_pb.ts';
import type { Version } from '../gen/version/v1/version_pb.ts';

/** The only version of the query API that there is. */
const querierApi = 1n;

/** Pyroscope's names, sorted. */
const featureFlags = [
  {
    name: 'pyroscopeRuler',
    enabled: false,
    description: 'Recording rules: not there yet.',
  },
  {
    name: 'pyroscopeRulerFunctions',
    enabled: false,
    description: 'Recording rules per function: not there yet.',
  },
  {
    name: 'utf8LabelNames',
    enabled: false,
    description: 'Label names with dots are shown to clients that say so in Accept.',
  },
  {
    name: 'v2StorageLayer',
    enabled: false,
    description: 'Heatmaps and exemplars: not there yet.',
  },
];

export const versionService: ServiceImpl<typeof Version> = {
  version: () => ({ QuerierAPI: querierApi }),
};

export const featureFlagsService: ServiceImpl<typeof FeatureFlagsService> = {
  getFeatureFlags: () => ({ featureFlags }),
};
