import { createServer } from 'node:net';
import { holderOfPort } from './port-holder.js';
import { codeOf, StartFault } from './start-fault.js';

/** A port to listen on, and the variables that name it and its address. Port 0 means any free port. */
export interface WantedPort {
  readonly host: string;
  readonly port: number;
  readonly hostVariable: string;
  readonly portVariable: string;
}

const NO_ADDRESS_OF_OURS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EINVAL']);

/**
 * Resolves if this process can listen on all of them. A start checks this first, before it spends seconds on a
 * database.
 * @throws {StartFault} that names the variable to change
 */
export async function portsFree(wanted: readonly WantedPort[]): Promise<void> {
  for (const each of wanted) {
    const probe = createServer();
    await new Promise<void>((resolve, reject) => {
      probe.once('error', (error) => reject(listenFault(error, each)));
      probe.listen(each.port, each.host, () => probe.close(() => resolve()));
    });
  }
}

/** The environment variables of an app's two listeners. */
export interface ListenerSettings {
  readonly TOLLGATE_HOST: string;
  readonly TOLLGATE_PORT: number;
  readonly TOLLGATE_OPERATIONS_HOST: string;
  readonly TOLLGATE_OPERATIONS_PORT: number;
}

/**
 * Resolves if the public and the operations listener of an app can be opened.
 * @throws {StartFault} that names the variable to change
 */
export function listenersFree(settings: ListenerSettings): Promise<void> {
  return portsFree([
    {
      host: settings.TOLLGATE_HOST,
      port: settings.TOLLGATE_PORT,
      hostVariable: 'TOLLGATE_HOST',
      portVariable: 'TOLLGATE_PORT',
    },
    {
      host: settings.TOLLGATE_OPERATIONS_HOST,
      port: settings.TOLLGATE_OPERATIONS_PORT,
      hostVariable: 'TOLLGATE_OPERATIONS_HOST',
      portVariable: 'TOLLGATE_OPERATIONS_PORT',
    },
  ]);
}

function listenFault(error: Error, { host, port, hostVariable, portVariable }: WantedPort): Error {
  const code = codeOf(error) ?? '';
  if (code === 'EADDRINUSE') {
    const holder = holderOfPort(port);
    const by = holder === null ? '' : ` by the process ${holder}`;
    return new StartFault(portVariable, `port ${port} of ${host} is taken${by}; name another one`, error);
  }
  if (code === 'EACCES')
    return new StartFault(portVariable, `this user may not listen on port ${port}; name one above 1023`, error);
  if (NO_ADDRESS_OF_OURS.has(code))
    return new StartFault(hostVariable, `${host} is no address of this machine (${code})`, error);
  return error;
}
