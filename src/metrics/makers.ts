// How a metric is made: registered with its app's registry, never with the library's global one.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The three kinds of metric, registered as they are made. */
export function makers(registry: Registry) {
  const registers = [registry];
  return {
    counter: (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers }),
    gauge: (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name, help, labelNames, registers }),
    histogram: (name: string, help: string, buckets: number[], labelNames: string[] = []) =>
      new Histogram({ name, help, buckets, labelNames, registers }),
  };
}

export type Makers = ReturnType<typeof makers>;
