import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { DEFAULT_ORGANIZATION_ID } from '../store/default-organization.js';
import type { Members } from '../store/members.js';
import type { Heartbeat } from './heartbeat.js';
import type { KeyRelay } from './key-relay.js';

/** What runs beside the requests, from the start of the application to its end. */
export class KeyLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly members: Members,
    private readonly relay: KeyRelay,
    private readonly heartbeat: Heartbeat,
    private readonly initOwnerEmail: string,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.members.ensureOwner(DEFAULT_ORGANIZATION_ID, this.initOwnerEmail);
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
