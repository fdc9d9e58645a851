import { createServer } from 'node:net';

/** Rejects with the system's error (EADDRINUSE, EACCES, …) where a port cannot be listened on: said before seconds are spent on a database. */
export async function portsFree(host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const probe = createServer();
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(port, host, () => probe.close(() => resolve()));
    });
  }
}
