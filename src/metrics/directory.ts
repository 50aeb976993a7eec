// Metrics of the directory itself, on Workers: how much of what it knows has a place. Owns their
// names, as `registry.ts` does those of an app.
import { Registry } from 'prom-client';
import { makers } from './makers.ts';

/** The directory's metrics, of which nothing is added up. */
export function createDirectoryMetrics() {
  const registry = new Registry();
  const { gauge } = makers(registry);
  return {
    registry,
    tenants: gauge('phlox_directory_tenants', 'Tenants in the list.'),
    reporters: gauge('phlox_directory_reporters', 'Objects whose metrics are in the sums.'),
    leftOutSamples: gauge(
      'phlox_directory_left_out_samples',
      'Samples that had no place in the sums of this scrape.',
    ),
  };
}

/** Of every answer that Prometheus reads. */
export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;
