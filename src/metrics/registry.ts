// Every metric name in one place, one registry per app. Owns names, labels and buckets; the rooms
// only count. Names under `pyroscope_` and `objstore_` are Pyroscope's where the meaning is equal,
// so that its dashboards work; what only phlox has is under `phlox_`.
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type Makers, makers } from './makers.ts';

const kib = 1024;
const bytesBuckets = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384].map((count) => count * kib);
const blockBytesBuckets = bytesBuckets.map((bound) => bound * 16);
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const countBuckets = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/** All metrics of one app. `processMetrics` adds those of the process; not on Workers. */
export function createMetrics(options: { processMetrics: boolean }) {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const make = makers(registry);
  return {
    registry,
    http: httpMetrics(make),
    ingest: ingestMetrics(make),
    head: headMetrics(make),
    storage: storageMetrics(make),
    retention: retentionMetrics(make),
    query: queryMetrics(make),
    settingsFiles: settingsFileMetrics(make),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

function httpMetrics({ counter, gauge, histogram }: Makers) {
  return {
    requestDurationSeconds: histogram(
      'pyroscope_request_duration_seconds',
      'Time from the request to the end of its answer.',
      secondsBuckets,
      ['method', 'route', 'status_code', 'ws'],
    ),
    requestBytes: histogram(
      'pyroscope_request_message_bytes',
      'Body bytes as received.',
      bytesBuckets,
      ['method', 'route'],
    ),
    inflightRequests: gauge('pyroscope_inflight_requests', 'Requests being answered.', [
      'method',
      'route',
    ]),
    buildInfo: gauge('pyroscope_build_info', 'Always 1; the labels say what is running.', [
      'version',
      'revision',
      'branch',
      'goversion',
    ]),
    authFailures: counter(
      'phlox_auth_failures_total',
      'Requests that keys did not let in: no_key, unknown_key, scope, tenant.',
      ['reason'],
    ),
    panics: counter('pyroscope_panic_total', 'Requests that failed for a bug of ours.'),
  };
}

function ingestMetrics({ counter, gauge, histogram }: Makers) {
  return {
    receivedCompressedBytes: histogram(
      'pyroscope_distributor_received_compressed_bytes',
      'Bytes of a profile as received.',
      bytesBuckets,
      ['type', 'tenant'],
    ),
    receivedDecompressedBytes: histogram(
      'pyroscope_distributor_received_decompressed_bytes',
      'Bytes of a profile after inflating.',
      bytesBuckets,
      ['type', 'tenant'],
    ),
    receivedSamples: histogram(
      'pyroscope_distributor_received_samples',
      'Samples of a profile.',
      countBuckets,
      ['type', 'tenant'],
    ),
    profilesReceived: counter(
      'pyroscope_distributor_profiles_received_total',
      'Profiles acknowledged.',
      ['tenant', 'scope_name', 'scope_version'],
    ),
    discardedBytes: counter('pyroscope_discarded_bytes_total', 'Bytes of profiles refused.', [
      'reason',
      'tenant',
    ]),
    discardedProfiles: counter(
      'pyroscope_discarded_samples_total',
      'Profiles refused (the name is historical).',
      ['reason', 'tenant'],
    ),
    negativeSamples: counter(
      'phlox_negative_samples_dropped_total',
      'Samples left out because a value was negative.',
      ['tenant'],
    ),
    danglingSamples: counter(
      'phlox_dangling_samples_dropped_total',
      'Samples left out because a location, or what it refers to, was not in the profile.',
      ['tenant'],
    ),
    truncatedStacks: counter(
      'phlox_stacks_truncated_total',
      'Samples stored without their leaf frames, for a stack over stackDepthMax.',
      ['tenant'],
    ),
    truncatedStrings: counter(
      'phlox_strings_truncated_total',
      'Strings of profiles over symbolBytesMax, of which the end was stored.',
      ['tenant'],
    ),
    foldedLabels: counter(
      'phlox_sample_labels_folded_total',
      'Sample labels left out of a profile so that it has fewer series: groups, series_limit.',
      ['tenant', 'reason'],
    ),
    timesReplaced: counter(
      'phlox_profile_times_replaced_total',
      'Profiles stored under the time of their receipt: theirs was missing, or of 1970.',
      ['tenant'],
    ),
    activeSeries: gauge('phlox_active_series', 'Series pushed in the last ten minutes.', [
      'tenant',
    ]),
    instances: gauge('phlox_instances', 'Tenants that are open.'),
  };
}

function headMetrics({ counter, gauge, histogram }: Makers) {
  return {
    series: gauge('pyroscope_tsdb_head_series', 'Series in live heads.', ['tenant']),
    seriesCreated: counter('pyroscope_tsdb_head_series_created_total', 'Series created.', [
      'profile_name',
    ]),
    profiles: gauge('pyroscope_head_profiles', 'Rows in live heads.', ['tenant']),
    profilesCreated: counter('pyroscope_head_profiles_created_total', 'Rows made.', [
      'profile_name',
    ]),
    samples: gauge('pyroscope_head_samples', 'Samples in live heads.', ['tenant']),
    bytes: gauge('pyroscope_head_size_bytes', 'Bytes of heads: kernels and label sets.', ['type']),
    receivedSampleValues: counter(
      'pyroscope_head_received_sample_values_total',
      'Sample values received.',
      ['profile_name'],
    ),
    ingestedSampleValues: counter(
      'pyroscope_head_ingested_sample_values_total',
      'Sample values stored, after zero values are dropped and equal stacks merged.',
      ['profile_name'],
    ),
    rowsWritten: counter('pyroscope_rows_written', 'Rows written to blocks.', ['type']),
    flushedTableBytes: histogram(
      'pyroscope_head_flushed_table_size_bytes',
      'Bytes of a written table.',
      blockBytesBuckets,
      ['name'],
    ),
    flushedBlockBytes: histogram(
      'pyroscope_head_flushed_block_size_bytes',
      'Bytes of a written block.',
      blockBytesBuckets,
    ),
    flushedBlockSeconds: histogram(
      'pyroscope_head_flushed_block_duration_seconds',
      'Time to write a block.',
      secondsBuckets,
    ),
    flushedBlockSeries: histogram(
      'pyroscope_head_flushed_block_series',
      'Series of a block.',
      countBuckets,
    ),
    flushedBlockSamples: histogram(
      'pyroscope_head_flushed_block_samples',
      'Samples of a block.',
      countBuckets,
    ),
    flushedBlockProfiles: histogram(
      'pyroscope_head_flushed_block_profiles',
      'Rows of a block.',
      countBuckets,
    ),
    flushedBlocks: counter('pyroscope_head_flushed_blocks_total', 'Flushes by outcome.', [
      'status',
    ]),
    flushReasons: counter('pyroscope_head_flushed_reason_total', 'Flushes by cause.', ['reason']),
  };
}

function storageMetrics({ counter, gauge, histogram }: Makers) {
  return {
    shipperSyncs: counter('pyroscope_shipper_dir_syncs_total', 'Sync runs.'),
    shipperSyncFailures: counter(
      'pyroscope_shipper_dir_sync_failures_total',
      'Sync runs that failed.',
    ),
    shipperUploads: counter('pyroscope_shipper_uploads_total', 'Blocks uploaded.'),
    shipperUploadFailures: counter(
      'pyroscope_shipper_upload_failures_total',
      'Block uploads that failed.',
    ),
    unshippedBlocks: gauge('phlox_shipper_unshipped_blocks', 'Local blocks not in the bucket.', [
      'tenant',
    ]),
    shipperMinTime: gauge(
      'phlox_shipper_min_time_seconds',
      'Time of the oldest data in local blocks, in seconds since the epoch.',
      ['tenant'],
    ),
    shipperMaxSyncTime: gauge(
      'phlox_shipper_max_sync_time_seconds',
      'Time up to which all data in local blocks is in the bucket, in seconds since the epoch.',
      ['tenant'],
    ),
    bucketOperations: counter('objstore_bucket_operations_total', 'Bucket calls.', [
      'bucket',
      'operation',
    ]),
    bucketFailures: counter(
      'objstore_bucket_operation_failures_total',
      'Bucket calls that failed.',
      ['bucket', 'operation'],
    ),
    bucketSeconds: histogram(
      'objstore_bucket_operation_duration_seconds',
      'Time of a bucket call.',
      secondsBuckets,
      ['bucket', 'operation'],
    ),
    quarantinedRecords: counter(
      'phlox_log_records_quarantined_total',
      'Log records that no head could take.',
    ),
    quarantinedBlocks: counter(
      'phlox_blocks_quarantined_total',
      'Local blocks that did not verify when their tenant was opened.',
    ),
    resends: counter(
      'phlox_resends_total',
      'Profiles that were already acknowledged or on their way, and were acknowledged again.',
      ['tenant'],
    ),
    logFaults: counter('phlox_log_faults_total', 'Damage found in the log, by what it is.', [
      'reason',
    ]),
    relogged: counter(
      'phlox_log_tenants_relogged_total',
      'Times that the records of a small tenant were logged again to free the oldest room.',
    ),
    headsLetGo: counter(
      'phlox_heads_let_go_total',
      'Heads of small tenants that were left to the log because memory was short.',
    ),
    logBytes: gauge('phlox_log_bytes', 'Bytes of log records not yet in a block.'),
  };
}

/** `store` is `local` or `bucket`; `reason` is `age`, `bytes`, `disk` or `leftover`. */
function retentionMetrics({ counter, gauge }: Makers) {
  return {
    deletedBlocks: counter(
      'phlox_retention_blocks_deleted_total',
      'Blocks deleted, by where they were and why.',
      ['store', 'reason'],
    ),
    deletedBytes: counter(
      'phlox_retention_bytes_deleted_total',
      'Bytes of the blocks deleted, by where they were and why.',
      ['store', 'reason'],
    ),
    failures: counter('phlox_retention_failures_total', 'Retention steps that failed.', ['store']),
    localBytes: gauge('phlox_retention_local_bytes', 'Bytes of local blocks, all tenants.'),
    diskFreeBytes: gauge('phlox_retention_disk_free_bytes', 'Bytes free on the local disk.'),
  };
}

/** `kind` is the call (`flamegraph`, …); `outcome` is `ok`, `aborted` or a failure kind. */
function queryMetrics({ counter, histogram }: Makers) {
  return {
    queries: counter('phlox_queries_total', 'Queries by what was asked and how it ended.', [
      'kind',
      'outcome',
    ]),
    seconds: histogram(
      'phlox_query_duration_seconds',
      'Time from the request to the answer, before it is encoded.',
      secondsBuckets,
      ['kind'],
    ),
    sources: histogram(
      'phlox_query_sources',
      'Heads and blocks that a query opened.',
      countBuckets,
      ['kind'],
    ),
    fetchedBytes: counter(
      'phlox_query_fetched_bytes_total',
      'Bytes that queries fetched from disk or bucket.',
      ['kind'],
    ),
    cacheGets: counter(
      'phlox_block_cache_gets_total',
      'Look-ups of footers, symbols and label sets of blocks.',
      ['kind', 'outcome'],
    ),
  };
}

/** `setting` names the setting that names the file. */
function settingsFileMetrics({ counter, gauge }: Makers) {
  return {
    loads: counter(
      'phlox_settings_file_loads_total',
      'Versions of a watched file that were read, by outcome: ok or refused.',
      ['setting', 'outcome'],
    ),
    isRefused: gauge(
      'phlox_settings_file_refused',
      '1 while the file makes no sense and an earlier version of it is in force.',
      ['setting'],
    ),
  };
}
