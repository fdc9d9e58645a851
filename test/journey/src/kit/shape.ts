import type { ProcessExit } from '@tollgate/infra';
import type { ManagedProcess } from './managed-process.js';
import type { Outside } from './outside.js';
import type { TollgateClient } from './tollgate-client.js';

/** One gateway process: in the standalone shape the one process of all. */
export interface Gateway {
  /** The public origin, `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly process: ManagedProcess;
  readonly dataFolder: string;
}

/** A running Tollgate, whatever its shape: what journeys and faults may know of it. */
export interface Shape {
  readonly name: 'standalone' | 'distributed';
  readonly gateways: readonly Gateway[];
  readonly adminSecret: string;
  readonly ownerEmail: string;
  readonly ownerPassword: string;
  readonly simulator: Outside['simulator'];
  /** What the simulator asks for. */
  readonly providerCredential: string;
  readonly github: Outside['github'];
  readonly strangeGithub: Outside['strangeGithub'];
  /** Where mails appear as `.eml` files. */
  readonly mailFolder: string;
  /**
   * Everything that must not be found anywhere: secrets that clients of this shape were given or made up, and the
   * shape's own.
   */
  readonly canaries: Canaries;
  /** All processes, for their output. */
  readonly processes: readonly ManagedProcess[];
  /** A client of the gateway with this number, with the admin secret. */
  client(gateway?: number): TollgateClient;
  /** The bytes of every place where it keeps something, by name; the shape must run. */
  storedBytes(): AsyncIterable<{ readonly place: string; readonly bytes: Buffer }>;
  /** SIGTERM to all of it; resolves with how each process ended. */
  stop(): Promise<readonly ProcessExit[]>;
}

/**
 * Secrets in two kinds: of API keys, which may appear nowhere at all, and of the deployment, which may stand in its own
 * settings.
 */
export interface Canaries {
  readonly keySecrets: Set<string>;
  readonly deploymentSecrets: Set<string>;
}
