// The S3 bucket against a real implementation: Ceph's gateway (`test/support/ceph.sh`), or any
// other that `PHLOX_TEST_S3` names. Skipped without it; the global setup says so.
import { describe } from 'vitest';
import { bucketContract } from '../cases/bucket.ts';
import { makeS3Bucket, testS3Endpoint } from '../support/s3-buckets.ts';

describe.skipIf(testS3Endpoint === undefined)('PHLOX_TEST_S3', { timeout: 120_000 }, () => {
  const makeBucket = () => makeS3Bucket(testS3Endpoint ?? '');
  bucketContract('s3 (real server)', makeBucket, { hidesStagedFiles: false });
});
