import { Gauge, type Registry } from 'prom-client';

/** Registers a gauge without labels whose value is read on each scrape. */
export function registerGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
