import { setTimeout as pause } from 'node:timers/promises';
import type { Admission } from '@tollgate/admission';
import type { UsageBillingApi } from '@tollgate/contracts';
import type { Logger } from '@tollgate/telemetry';
import type { GatewayIdentity } from '../request-path/exchange/gateway-identity.js';
import type { Announcer } from './announcer.js';

const LEASE_INTERVAL_MS = 1_000;
const REGISTER_RETRY_MS = 500;

/** What `Registration` needs. */
export interface RegistrationParts {
  readonly admission: Admission;
  readonly announcer: Announcer;
  readonly gateway: GatewayIdentity;
  readonly logger: Logger;
  readonly usageBilling: Pick<UsageBillingApi, 'registerGateway'>;
}

/**
 * Makes this gateway known to usage-billing and admission: registers once, then renews the lease, without which nothing
 * is admitted on credit.
 */
export class Registration {
  #lease: NodeJS.Timeout | null = null;
  #registered = false;
  #ended = false;

  constructor(private readonly parts: RegistrationParts) {}

  /** Whether requests on credit can be admitted. */
  get registered(): boolean {
    return this.#registered;
  }

  /** Registers. Resolves after the first try; if that fails, further tries follow in the background. Never rejects. */
  async begin(): Promise<void> {
    await this.#register();
    if (!this.#registered) void this.#registerLater();
  }

  /** Stops the tries to register, because the process is about to end. The lease is renewed until `endLease`. */
  giveUp(): void {
    this.#ended = true;
  }

  endLease(): void {
    if (this.#lease !== null) clearInterval(this.#lease);
  }

  async #register(): Promise<void> {
    const { gateway, logger, usageBilling } = this.parts;
    try {
      await usageBilling.registerGateway({ instanceId: gateway.instanceId, journalId: gateway.journalId });
      this.#registered = true;
      await this.#renewLease();
      this.#lease = setInterval(() => void this.#renewLease(), LEASE_INTERVAL_MS).unref();
    } catch (error) {
      logger.warn({ err: error }, 'usage-billing cannot be reached; nothing is admitted on credit until it can');
    }
  }

  async #registerLater(): Promise<void> {
    while (!this.#registered && !this.#ended) {
      await pause(REGISTER_RETRY_MS, undefined, { ref: false });
      await this.#register();
    }
  }

  async #renewLease(): Promise<void> {
    const { admission, announcer, gateway, logger } = this.parts;
    try {
      const waiting = await admission.renewLease(gateway.instanceId);
      await Promise.all(waiting.map((organizationId) => announcer.announce(organizationId)));
    } catch (error) {
      logger.debug({ err: error }, 'the lease was not renewed');
    }
  }
}
