// What goes wrong in a simulation around the process: a disk that fails, a network that comes and
// goes. Owns how often and for how long.
import type { Random } from '../fixtures/random.ts';
import type { ModelDisk } from './model-disk.ts';
import { type Weather, weathers } from './simulation-buckets.ts';

/** The part of a world that faults happen to. */
interface Faulty {
  readonly random: Random;
  readonly disk: ModelDisk;
  weather: Weather;
  say(text: string): void;
}

/** Some of the next calls of one kind fail. */
export function diskFault(world: Faulty): void {
  const { random, disk } = world;
  const kinds = ['change', 'sync', 'write', 'read', 'open', 'rename', 'stat', 'readdir'] as const;
  const kind = kinds[random.below(kinds.length)] ?? 'change';
  const code = kind === 'write' && random.below(2) === 0 ? 'ENOSPC' : 'EIO';
  const count = random.below(3) === 0 ? 1 + random.below(30) : 1;
  const at = random.below(random.below(3) === 0 ? 250 : 20);
  world.say(`disk fails: ${kind} ${code}, ${count} times after ${at}`);
  disk.control.fail({ kind, at, count, code });
}

/** The network changes, or stays as it is. */
export function weather(world: Faulty): void {
  world.weather = weathers[world.random.below(weathers.length)] ?? 'well';
  world.say(`network is ${world.weather}`);
}
