import { Global, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { FailureLimits } from '@tollgate/http';
import type { FastifyInstance } from 'fastify';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from './admin-api-settings.js';
import { adminOperationOf, Authorisation } from './authorisation.js';
import {
  AdminSecretStrategy,
  ApiKeyStrategy,
  AUTHENTICATOR,
  newAuthenticator,
  ProjectKeyStrategy,
  SessionStrategy,
} from './credential-strategies.js';

/**
 * Asks `Authorisation` about each request of the admin API by its head: Nest asks its guards only when the body is in
 * memory. A controller that names no guard is protected too.
 */
@Injectable()
class AdminApiHeads implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly authorisation: Authorisation,
  ) {}

  onModuleInit(): void {
    // None where a module is used without a server, as by what only follows the bus.
    const fastify = this.host.httpAdapter?.getInstance() as FastifyInstance | undefined;
    fastify?.addHook('onRequest', async (request, reply) => {
      if (!request.is404 && adminOperationOf(request) !== null) await this.authorisation.decide(request, reply);
    });
  }
}

/**
 * Who asks the admin API, and what they may: for each service that has a part of it. Needs `ADMIN_SECRETS`,
 * `ADMIN_API_SETTINGS` and `KEY_MANAGEMENT_API` among the ports of the process.
 */
@Global()
@Module({
  providers: [
    {
      provide: FailureLimits,
      useFactory: ({ limits }: AdminApiSettings) => new FailureLimits(limits),
      inject: [ADMIN_API_SETTINGS],
    },
    { provide: AUTHENTICATOR, useFactory: newAuthenticator },
    AdminSecretStrategy,
    ApiKeyStrategy,
    ProjectKeyStrategy,
    SessionStrategy,
    Authorisation,
    AdminApiHeads,
  ],
  exports: [Authorisation, FailureLimits],
})
export class AuthModule {}
