import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import type { Gateway } from '@tollgate/journey';
import { percentile } from './measured.js';

/**
 * Asks a gateway's `/healthz` over and over, one question at a time, while an attack goes on: how long do others wait?
 */
export class HealthProbe {
  readonly #waits: number[] = [];
  #asking = true;
  #memoryMb = 0;
  readonly #ended: Promise<void>;

  constructor(private readonly gateway: Gateway) {
    this.#ended = this.#ask();
  }

  async #ask(): Promise<void> {
    while (this.#asking) {
      const askedAt = performance.now();
      await healthz(this.gateway.url);
      this.#waits.push(performance.now() - askedAt);
      this.#memoryMb = Math.max(this.#memoryMb, residentMb(this.gateway.process.pid));
      // One turn of the event loop, so that the probe is no load of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends it. Milliseconds of `/healthz`, and the most memory that the process was seen with. */
  async end(): Promise<Record<string, string>> {
    this.#asking = false;
    await this.#ended;
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    return {
      'healthz p50': ms(percentile(this.#waits, 0.5)),
      'healthz p99': ms(percentile(this.#waits, 0.99)),
      'healthz max': ms(Math.max(...this.#waits)),
      'peak memory': `${this.#memoryMb} MB`,
    };
  }
}

function healthz(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}/healthz`, { agent: false }, (reply) => {
      reply.resume();
      reply.once('end', resolve);
    }).once('error', reject);
  });
}

/** What a process has in memory, in MiB; 0 where the system does not tell. */
export function residentMb(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
