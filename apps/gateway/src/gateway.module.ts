import type { Server } from 'node:http';
import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  KEY_MANAGEMENT_API,
  USAGE_BILLING_API,
  type KeyManagementApi,
  type UsageBillingApi,
} from '@tollgate/contracts';
import type { FastifyInstance } from 'fastify';
import { Gateway, type GatewayPorts } from './gateway.js';

/** The ports that a gateway does not share with the other services of its process. */
export type OwnGatewayPorts = Omit<GatewayPorts, 'keyManagement' | 'usageBilling'>;

/**
 * The gateway as a part of a Nest application: adds its endpoints to the application's server. It asks the other
 * services by their tokens, which the process provides: HTTP clients, or in the standalone the services themselves.
 */
@Module({})
export class GatewayModule implements OnModuleInit {
  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly gateway: Gateway,
  ) {}

  static with(ports: OwnGatewayPorts): DynamicModule {
    const gateway = {
      provide: Gateway,
      useFactory: (keyManagement: KeyManagementApi, usageBilling: UsageBillingApi) =>
        new Gateway({ ...ports, keyManagement, usageBilling }),
      inject: [KEY_MANAGEMENT_API, USAGE_BILLING_API],
    };
    return { module: GatewayModule, providers: [gateway], exports: [Gateway] };
  }

  onModuleInit(): void {
    const { httpAdapter } = this.adapter;
    this.gateway.serveOn(httpAdapter.getHttpServer() as Server, httpAdapter.getInstance() as FastifyInstance);
  }
}
