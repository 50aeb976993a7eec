// A busy Node program under `@pyroscope/nodejs`: spends its time in `burnCpu` under a label and
// keeps memory in `keepMemory`, then stops. The server, user and key come from the environment.
import Pyroscope from '@pyroscope/nodejs';

const { PHLOX_URL, PHLOX_USER, PHLOX_PASSWORD, BUSY_MS = '2500' } = process.env;
const kept = [];

function burnCpu(rounds) {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum = (sum * 31 + i) % 1_000_003;
  return sum;
}

function keepMemory(sum) {
  kept.push(Array.from({ length: 2_000 }, (_, i) => `${sum}-${i}`));
}

Pyroscope.init({
  appName: 'busy.node',
  serverAddress: PHLOX_URL,
  basicAuthUser: PHLOX_USER,
  basicAuthPassword: PHLOX_PASSWORD,
  tags: { region: 'north' },
  // The heap is sent by the timer alone, never when the program stops.
  flushIntervalMs: 1_000,
  heap: { samplingIntervalBytes: 16 * 1024, stackDepth: 64 },
  wall: { samplingDurationMs: 60_000, samplingIntervalMicros: 10_000, collectCpuTime: true },
});
Pyroscope.start();
const endMs = performance.now() + Number(BUSY_MS);
while (performance.now() < endMs) {
  Pyroscope.wrapWithLabels({ endpoint: '/checkout' }, () => {
    for (let i = 0; i < 20; i++) keepMemory(burnCpu(200_000));
  });
  if (kept.length > 200) kept.splice(0, 100);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
await Pyroscope.stop();
