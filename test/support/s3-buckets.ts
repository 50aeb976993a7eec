// Buckets on an S3 server that is there already: made for a test and removed with all they hold.
// The server is named by `PHLOX_TEST_S3` (an endpoint, spoken to in path style), its credentials
// by `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { S3Bucket } from '../../src/bucket/s3.ts';

/** The endpoint of the server, or undefined when there is none. */
export const testS3Endpoint = process.env['PHLOX_TEST_S3'] || undefined;

export interface MadeBucket {
  bucket: S3Bucket;
  close: () => Promise<void>;
}

/** Makes an empty bucket. */
export async function makeS3Bucket(endpoint: string): Promise<MadeBucket> {
  const name = `phlox-test-${crypto.randomUUID()}`;
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  const bucket = new S3Bucket({ bucket: name, endpoint, isPathStyle: true });
  return {
    bucket,
    close: async () => {
      await removeAll(bucket);
      bucket.close();
      await client.send(new DeleteBucketCommand({ Bucket: name }));
      client.destroy();
    },
  };
}

async function removeAll(bucket: Bucket): Promise<void> {
  for (;;) {
    const { objects } = await bucket.list('');
    if (objects.length === 0) return;
    for (const { key } of objects) await bucket.delete(key);
  }
}
