// The part of the bucket contract about staged folders.
import { expect, it } from 'vitest';
import {
  breaking,
  emptyPage,
  expectKind,
  keysOf,
  type OpenBucket,
  pageOf,
} from '../support/bucket-checks.ts';
import { bytesOf, chunked, patterned, textOf } from '../support/bytes.ts';

/** Folders that become visible as a whole; `hidesStagedFiles` is `BucketTraits`'. */
export function stageCases(open: OpenBucket, hidesStagedFiles: boolean): void {
  const hidden = (names: string[]) => (hidesStagedFiles ? [] : names);

  it('shows a staged folder as a block only once it is committed', async () => {
    const bucket = await open();
    const stage = await bucket.stage('blocks/ONE/');
    expect(await keysOf(bucket, '')).toEqual([]);
    expect(await stage.putStream('a.parquet', chunked(bytesOf('aaa'), 2))).toBe(3);
    expect(await keysOf(bucket, '')).toEqual(hidden(['blocks/ONE/a.parquet']));
    const big = patterned(9 * 1024 * 1024);
    expect(await stage.putStream('b.parquet', chunked(big, 1_000_003))).toBe(big.length);
    const both = ['blocks/ONE/a.parquet', 'blocks/ONE/b.parquet'];
    expect(await keysOf(bucket, '')).toEqual(hidden(both));
    await expectKind(bucket.head('blocks/ONE/meta.json'), 'missing', 'meta.json');
    const meta = bytesOf('{}');
    await stage.commit(meta);
    meta.fill(0);
    await stage.abort();
    expect(await keysOf(bucket, '')).toEqual([...both, 'blocks/ONE/meta.json']);
    expect(textOf(await bucket.get('blocks/ONE/meta.json'))).toBe('{}');
    expect(textOf(await bucket.get('blocks/ONE/a.parquet'))).toBe('aaa');
    expect((await bucket.head('blocks/ONE/b.parquet')).bytes).toBe(big.length);
    const page = await pageOf(bucket, 'blocks/', { delimiter: '/' });
    expect(page).toEqual({ keys: [], prefixes: ['blocks/ONE/'] });
  });

  it('leaves nothing of an aborted stage', async () => {
    const bucket = await open();
    await bucket.put('blocks/OTHER/meta.json', bytesOf('stays'));
    const stage = await bucket.stage('blocks/ONE/');
    await stage.putStream('a.parquet', chunked(bytesOf('aaa'), 2));
    await stage.putStream('b.parquet', chunked(bytesOf('bbb'), 2));
    await stage.abort();
    await stage.abort();
    expect(await keysOf(bucket, '')).toEqual(['blocks/OTHER/meta.json']);
    await expectKind(stage.putStream('c', chunked(bytesOf('c'), 1)), 'internal', 'c');
    await expectKind(stage.commit(bytesOf('{}')), 'internal', 'commit');
    const again = await bucket.stage('blocks/ONE/');
    await again.commit(bytesOf('{}'));
    expect(await keysOf(bucket, 'blocks/ONE/')).toEqual(['blocks/ONE/meta.json']);
  });

  it('stages several folders at once', async () => {
    const bucket = await open();
    const names = ['x/ONE/', 'x/TWO/', 'x/THREE/'];
    const stages = await Promise.all(names.map((prefix) => bucket.stage(prefix)));
    await Promise.all(stages.map((stage) => stage.putStream('t', chunked(bytesOf('t'), 1))));
    await stages[1]!.commit(bytesOf('two'));
    await stages[0]!.abort();
    await stages[2]!.abort();
    expect(await keysOf(bucket, '')).toEqual(['x/TWO/meta.json', 'x/TWO/t']);
  });

  it('takes a staged file again whose source failed or was aborted', async () => {
    const bucket = await open();
    const stage = await bucket.stage('b/');
    const reason = new Error('the source broke');
    await expect(stage.putStream('t', breaking(10, reason))).rejects.toBe(reason);
    const signal = AbortSignal.abort(reason);
    const aborted = stage.putStream('t', chunked(bytesOf('x'), 1), { signal });
    await expect(aborted).rejects.toBe(reason);
    expect(await stage.putStream('t', chunked(bytesOf('good'), 1))).toBe(4);
    await stage.commit(bytesOf('{}'));
    expect(await keysOf(bucket, '')).toEqual(['b/meta.json', 'b/t']);
    expect(textOf(await bucket.get('b/t'))).toBe('good');
  });

  it('refuses names of staged files that would be elsewhere or the commit itself', async () => {
    const bucket = await open();
    const stage = await bucket.stage('b/');
    for (const name of ['meta.json', 'a/b', '', '..', '/a']) {
      await expectKind(stage.putStream(name, chunked(bytesOf('x'), 1)), 'invalid', name);
    }
    await stage.abort();
    expect(await bucket.list('')).toEqual(emptyPage);
  });
}
