// The text of the bucket setting.
import { describe, expect, it } from 'vitest';
import {
  type BucketLocation,
  bucketIdentity,
  parseBucketUrl,
} from '../../../src/bucket/bucket-url.ts';

const s3 = (changes: object) => ({
  kind: 's3',
  bucket: 'profiles',
  prefix: '',
  region: undefined,
  endpoint: undefined,
  isPathStyle: false,
  ...changes,
});

describe('bucket url', () => {
  it('reads what it should', () => {
    const good: [string, object][] = [
      ['s3://profiles', s3({})],
      [' s3://profiles/ ', s3({})],
      ['S3://profiles/a', s3({ prefix: 'a/' })],
      ['s3://profiles/a/b%20c/', s3({ prefix: 'a/b c/' })],
      ['s3://profiles?region=eu-west-1', s3({ region: 'eu-west-1' })],
      [
        's3://my.profiles-1/p?region=x&endpoint=http://127.0.0.1:8931&path_style=true',
        s3({
          bucket: 'my.profiles-1',
          prefix: 'p/',
          region: 'x',
          endpoint: 'http://127.0.0.1:8931',
          isPathStyle: true,
        }),
      ],
      ['s3://profiles?path_style=false', s3({})],
      [
        's3://profiles?endpoint=https%3A%2F%2Fs3.example.org%2F',
        s3({ endpoint: 'https://s3.example.org' }),
      ],
      ['s3://profiles?endpoint=http://[::1]:9000', s3({ endpoint: 'http://[::1]:9000' })],
      ['file:///srv/blocks', { kind: 'filesystem', folder: '/srv/blocks' }],
      ['file://localhost/srv/b%20c/', { kind: 'filesystem', folder: '/srv/b c' }],
    ];
    for (const [text, expected] of good) {
      expect([text, parseBucketUrl(text) satisfies BucketLocation]).toEqual([text, expected]);
    }
  });

  it('refuses the rest and says why', () => {
    const bad: [string, string][] = [
      ['', 'must be s3://'],
      ['profiles', 'must be s3://'],
      ['/srv/blocks', 'must be s3://'],
      ['gs://profiles', 'scheme gs'],
      ['s3://', 'bucket name ""'],
      ['s3://ab', 'bucket name "ab"'],
      ['s3://-profiles', 'bucket name'],
      ['s3://profiles/../x', 'segment'],
      ['s3://profiles/a//b', 'segment'],
      ['s3://profiles/%zz', 'percent escape'],
      ['s3://profiles#fragment', 'must be s3://'],
      ['s3://profiles?regoin=x', 'unknown parameter regoin, did you mean region'],
      ['s3://profiles?region=a&region=b', 'region twice'],
      ['s3://profiles?region=', 'empty region'],
      ['s3://profiles?path_style=yes', 'path_style=yes, must be true or false'],
      ['s3://profiles?endpoint=s3.example.org', 'endpoint must be'],
      ['s3://profiles?endpoint=ftp://s3.example.org', 'endpoint must be'],
      ['s3://profiles?endpoint=https://s3.example.org/path', 'endpoint must be'],
      ['file://', 'needs a folder'],
      ['file:///', 'needs a folder'],
      ['file://host/srv', 'host host'],
      ['file:///srv/../etc', 'plain path'],
      ['file:///srv?x=1', 'unknown parameter x'],
    ];
    for (const [text, message] of bad) {
      const failure = failureOf(text);
      expect([text, failure.kind]).toEqual([text, 'invalid']);
      expect([text, failure.message]).toEqual([text, expect.stringContaining(message)]);
    }
  });

  it('never repeats a secret', () => {
    const secret = 'wJalrXUtnFEMI';
    const bad = [
      `s3://AKIA:${secret}@profiles/p`,
      `s3://${secret}@profiles`,
      `s3:/AKIA:${secret}@profiles`,
      `s3://profiles?endpoint=https://AKIA:${secret}@s3.example.org`,
    ];
    for (const text of bad) {
      const { kind, message } = failureOf(text);
      expect(kind).toBe('invalid');
      expect(message).not.toContain(secret);
    }
  });
});

describe('the identity of a bucket', () => {
  it('is one for all spellings of the same bucket and prefix', () => {
    const same = ['s3://profiles/a', 's3://profiles/a/', 's3://profiles/a?region=eu-central-1'];
    for (const url of same) expect(bucketIdentity(url)).toBe('s3://profiles/a/');
    expect(bucketIdentity('s3://profiles')).toBe(bucketIdentity('s3://profiles/'));
    expect(bucketIdentity('file:///data/b/')).toBe(bucketIdentity('file://localhost/data/b'));
  });

  it('tells apart buckets, prefixes and endpoints', () => {
    const urls = [
      's3://profiles',
      's3://profiles/a',
      's3://profiles/b',
      's3://other/a',
      's3://profiles/a?endpoint=http://127.0.0.1:9000',
      's3://profiles/a?endpoint=http://127.0.0.1:9001',
      'file:///profiles/a',
    ];
    expect(new Set(urls.map(bucketIdentity)).size).toBe(urls.length);
  });
});

function failureOf(text: string): { kind: string; message: string } {
  try {
    return { kind: 'none', message: JSON.stringify(parseBucketUrl(text)) };
  } catch (error) {
    return error as { kind: string; message: string };
  }
}
