// The memory log against the contract of all logs.
import { MemoryWal } from '../../../src/wal/memory.ts';
import { walContract } from '../../cases/wal.ts';

walContract('MemoryWal', ({ bytesMax }) =>
  Promise.resolve(new MemoryWal({ id: '01J00000000000000000000000', bytesMax })),
);
