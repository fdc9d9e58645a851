import { createServer } from 'node:net';
import { codeOf, StartFault } from './start-fault.js';

/** Ports by the variable that names each; 0 is any. */
export type PortsByVariable = Readonly<Record<string, number>>;

const NO_ADDRESS_OF_OURS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EINVAL']);

/**
 * Resolves where all of them can be listened on: said before seconds are spent on a database.
 * @throws {StartFault} that names the variable to change
 */
export async function portsFree(host: string, ports: PortsByVariable): Promise<void> {
  for (const [variable, port] of Object.entries(ports)) {
    const probe = createServer();
    await new Promise<void>((resolve, reject) => {
      probe.once('error', (error) => reject(listenFault(error, host, variable, port)));
      probe.listen(port, host, () => probe.close(() => resolve()));
    });
  }
}

function listenFault(error: Error, host: string, variable: string, port: number): Error {
  const code = codeOf(error) ?? '';
  if (code === 'EADDRINUSE') return new StartFault(variable, `port ${port} of ${host} is taken; name another one`, error);
  if (code === 'EACCES') return new StartFault(variable, `this user may not listen on port ${port}; name one above 1023`, error);
  if (NO_ADDRESS_OF_OURS.has(code)) return new StartFault('TOLLGATE_HOST', `${host} is no address of this machine (${code})`, error);
  return error;
}
