// A bucket that speaks S3, inside workerd: the contract, over HTTP.
import { inject } from 'vitest';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { bucketContract } from '../cases/bucket.ts';

const { endpoint, buckets } = inject('s3');
/** Any will do: the server does not check signatures. */
const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

bucketContract(
  'S3 in workerd',
  async () => {
    const bucket = buckets.pop();
    if (bucket === undefined) throw new Error('the contract has more cases than there are buckets');
    return { bucket: new S3Bucket({ bucket, endpoint, isPathStyle: true, credentials }) };
  },
  { hidesStagedFiles: false },
);
