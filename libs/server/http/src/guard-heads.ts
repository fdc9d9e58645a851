import type { CanActivate, ExecutionContext, OnModuleInit, Provider, Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/**
 * Providers of a module that let a guard decide about all requests below a path before a byte of their body is read:
 * Nest asks its guards only when the body is in memory. The guard sees the head alone, and stays on the controllers,
 * which must not depend on how they are composed.
 *
 * ```ts
 * providers: [...guardHeads('/internal', ServiceGuard)]
 * ```
 */
export function guardHeads(prefix: string, Guard: Type<CanActivate>): Provider[] {
  return [
    Guard,
    {
      provide: Symbol(`heads below ${prefix}`),
      useFactory: (host: HttpAdapterHost, guard: CanActivate) => new HeadGuard(host, prefix, guard),
      inject: [HttpAdapterHost, Guard],
    },
  ];
}

class HeadGuard implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly prefix: string,
    private readonly guard: CanActivate,
  ) {}

  onModuleInit(): void {
    // None where a module is used without a server, as by what only follows the bus.
    const fastify = this.host.httpAdapter?.getInstance() as FastifyInstance | undefined;
    fastify?.addHook('onRequest', async (request) => {
      if (!request.is404 && this.#isBelow(request.routeOptions.url)) await this.#check(request);
    });
  }

  #isBelow(route: string | undefined): boolean {
    return route === this.prefix || route?.startsWith(`${this.prefix}/`) === true;
  }

  async #check(request: FastifyRequest): Promise<void> {
    const context = { switchToHttp: () => ({ getRequest: () => request }) } as unknown as ExecutionContext;
    if ((await this.guard.canActivate(context)) !== true) throw new Problem('access_denied');
  }
}
