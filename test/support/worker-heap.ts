// What the isolate of a Worker holds, as V8 tells it to an inspector, and what of that is the
// memory of WebAssembly.
import { fetch as upgradingFetch } from 'miniflare';

export interface HeapUse {
  /** Objects and buffers of JavaScript. */
  jsBytes: number;
  /** All memories of WebAssembly. */
  wasmBytes: number;
}

export interface WorkerHeap {
  /** What is in use after all garbage was collected. */
  use(): Promise<HeapUse>;
}

interface Usage {
  usedSize: number;
  /** Of array buffers, those of WebAssembly apart. */
  backingStorageSize: number;
}

/** `inspector` is where the inspector listens, `url` a Worker that answers `/test/memory`. */
export async function openHeap(inspector: URL, url: string): Promise<WorkerHeap> {
  const list = `http://${inspector.host}/json`;
  const [target] = (await (await fetch(list)).json()) as { webSocketDebuggerUrl: string }[];
  if (target === undefined) throw new Error('the inspector knows no Worker');
  const address = target.webSocketDebuggerUrl.replace(/^ws:/, 'http:');
  const { webSocket } = await upgradingFetch(address, { headers: { upgrade: 'websocket' } });
  if (webSocket === null) throw new Error('the inspector took no connection');
  const waiting = new Map<number, (result: unknown) => void>();
  webSocket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data));
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  webSocket.accept();
  let nextId = 1;
  const call = (method: string) =>
    new Promise<unknown>((resolve) => {
      const id = nextId++;
      waiting.set(id, resolve);
      webSocket.send(JSON.stringify({ id, method }));
    });
  return {
    use: async () => {
      await call('HeapProfiler.collectGarbage');
      const { usedSize, backingStorageSize } = (await call('Runtime.getHeapUsage')) as Usage;
      const answer = await fetch(`${url}/test/memory`);
      const { wasmBytes } = (await answer.json()) as { wasmBytes: number };
      return { jsBytes: usedSize + backingStorageSize, wasmBytes };
    },
  };
}
