import type { Server } from 'node:http';
import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Gateway } from './gateway.js';

/** The gateway as a part of a Nest application: puts its endpoints on the application's server. */
@Module({})
export class GatewayModule implements OnModuleInit {
  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly gateway: Gateway,
  ) {}

  static register(gateway: Gateway): DynamicModule {
    return { module: GatewayModule, providers: [{ provide: Gateway, useValue: gateway }], exports: [Gateway] };
  }

  onModuleInit(): void {
    const { httpAdapter } = this.adapter;
    this.gateway.serveOn(httpAdapter.getHttpServer() as Server, httpAdapter.getInstance() as FastifyInstance);
  }
}
