import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Members } from '../store/members.js';
import type { Heartbeat } from './heartbeat.js';
import type { KeyRelay } from './key-relay.js';

/** What runs beside the requests, from the start of the application to its end. */
export class KeyLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly members: Members,
    private readonly relay: KeyRelay,
    private readonly heartbeat: Heartbeat,
    private readonly owner: { readonly organizationId: string; readonly email: string },
  ) {}

  async onModuleInit(): Promise<void> {
    await this.members.ensureOwner(this.owner.organizationId, this.owner.email);
  }

  onApplicationBootstrap(): void {
    this.relay.start();
    this.heartbeat.start();
  }

  /** Only now, when the listener has drained: a revoke in flight waits for the relay. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.heartbeat.stop(), this.relay.stop()]);
  }
}
