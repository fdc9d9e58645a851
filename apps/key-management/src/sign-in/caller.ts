import { Injectable } from '@nestjs/common';
import { actorOf, type Actor } from '@tollgate/auth';
import { clientAddressOf } from '@tollgate/http';
import type { FastifyRequest } from 'fastify';
import { SessionCookies } from './session-cookies.js';

/** Who signs in, before it is known which person that is. */
export interface Caller {
  readonly actor: Actor;
  /** What failures count by: the client's address or, where a proxy does not tell that, the proxy's. */
  readonly address: string;
  /** What the client calls itself; null if it does not say. */
  readonly client: string | null;
  /** The token of the session that the client has from before; null if it has none. */
  readonly token: string | null;
}

/** Reads of a request who signs in. */
@Injectable()
export class Callers {
  constructor(private readonly cookies: SessionCookies) {}

  /** @throws {Problem} `invalid_request` if the session's cookie is there twice */
  of(request: FastifyRequest): Caller {
    const actor = actorOf(request);
    return {
      actor,
      address: clientAddressOf(request),
      client: request.headers['user-agent'] ?? null,
      token: this.cookies.tokenOf(request),
    };
  }
}
