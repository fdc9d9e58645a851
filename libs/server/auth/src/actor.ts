import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { clientAddressOf, isClientAddressKnown } from '@tollgate/http';
import type { FastifyRequest } from 'fastify';

/** Who does something, from where, and by which request: what the audit trail has of them. */
export interface Actor {
  /** Null for what happens by itself, such as a revoke after a leak. */
  readonly principal: Principal | null;
  /** The address of the client, also behind a gateway; null if there is none or a proxy does not tell it. */
  readonly address: string | null;
  readonly requestId: string | null;
}

/** Who does what no request asked for. */
export const NOBODY: Actor = { principal: null, address: null, requestId: null };

const principals = new WeakMap<object, Principal>();

/** Notes who asks, once a guard knows it. */
export function attachPrincipal(request: object, principal: Principal): void {
  principals.set(request, principal);
}

/** Who asks; null where no guard has said it. */
export const attachedPrincipal = (request: object): Principal | null => principals.get(request) ?? null;

/**
 * Who asks.
 * @throws {Error} if the route has no guard that found out: a fault of ours, not of the caller
 */
export function principalOf(request: object): Principal {
  const principal = principals.get(request);
  if (principal === undefined) throw new Error('no guard has found out who asks');
  return principal;
}

/** A handler's parameter: who asks. */
export const CurrentPrincipal = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  principalOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** The actor of a request, whether or not its route asks for a credential. */
export const actorOf = (request: FastifyRequest): Actor => ({
  principal: attachedPrincipal(request),
  address: isClientAddressKnown(request) ? clientAddressOf(request) : null,
  requestId: request.id,
});

/** A handler's parameter: the actor of its request. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  actorOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
