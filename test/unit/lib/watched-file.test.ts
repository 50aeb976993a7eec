// A watched file: what is in force when, and who hears of what.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { WatchedFile } from '../../../src/lib/watched-file.ts';

function watched(first: string | undefined) {
  const disk: { text: string | undefined; reads: number; onRead?: () => void } = {
    text: first,
    reads: 0,
  };
  const heard: string[] = [];
  const file = new WatchedFile(-1, {
    file: {
      path: 'numbers',
      stamp: () => Promise.resolve(String(disk.text)),
      read: async () => {
        const { text } = disk;
        disk.reads++;
        disk.onRead?.();
        if (text === undefined) throw new Failure('invalid', 'file is gone');
        return text;
      },
    },
    bytesMax: 100,
    parse: (text) => {
      if (!/^[0-9]+$/.test(text)) throw new Failure('invalid', `${text} is no number`);
      return Number(text);
    },
    onChange: (value) => heard.push(`change ${value}`),
    onRefused: (message) => heard.push(`refused: ${message}`),
  });
  return { disk, heard, file };
}

describe('a watched file', () => {
  it('has its initial value until it was read at start', async () => {
    const { file, heard } = watched('1');
    expect(file.value).toBe(-1);
    await file.start();
    expect(file.value).toBe(1);
    expect(heard).toEqual([]);
  });

  it.each([undefined, 'x'])('does not start with %j', async (text) => {
    const { file, heard } = watched(text);
    await expect(file.start()).rejects.toMatchObject({ kind: 'invalid' });
    expect(heard).toEqual([]);
  });

  it('is read again only when it has changed, and looked at once a second', async () => {
    const { disk, file, heard } = watched('1');
    await file.start();
    expect(await file.tick(5_000)).toBe(6_000);
    expect(disk.reads).toBe(1);
    disk.text = '2';
    await file.tick(5_999);
    expect(file.value).toBe(1);
    await file.tick(6_000);
    expect(file.value).toBe(2);
    await file.tick(7_000);
    expect(heard).toEqual(['change 2']);
    expect(disk.reads).toBe(2);
  });

  it('keeps what was in force when it goes bad or away, and says so once', async () => {
    const { disk, file, heard } = watched('1');
    await file.start();
    disk.text = 'x';
    await file.tick(0);
    await file.tick(1_000);
    disk.text = undefined;
    await file.tick(2_000);
    await file.tick(3_000);
    expect(file.value).toBe(1);
    disk.text = '3';
    await file.tick(4_000);
    expect(file.value).toBe(3);
    expect(heard).toEqual(['refused: x is no number', 'refused: file is gone', 'change 3']);
  });

  it('is read again until it can be read, and says so once', async () => {
    const { disk, file, heard } = watched('1');
    await file.start();
    disk.text = '2';
    disk.onRead = () => {
      throw new Failure('invalid', 'too many open files');
    };
    await file.tick(0);
    await file.tick(1_000);
    expect(file.value).toBe(1);
    delete disk.onRead;
    await file.tick(2_000);
    expect(file.value).toBe(2);
    await file.tick(3_000);
    expect(heard).toEqual(['refused: too many open files', 'change 2']);
    expect(disk.reads).toBe(4);
  });

  it('sees a change that is made while it reads', async () => {
    const { disk, file } = watched('1');
    disk.onRead = () => {
      disk.text = '2';
    };
    await file.start();
    expect(file.value).toBe(1);
    await file.tick(0);
    expect(file.value).toBe(2);
  });

  it('goes on looking after the clock was set back', async () => {
    const { disk, file } = watched('1');
    await file.start();
    await file.tick(1_000_000);
    disk.text = '2';
    await file.tick(10);
    expect(file.value).toBe(2);
  });
});
