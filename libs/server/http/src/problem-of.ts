import { HttpException } from '@nestjs/common';
import type { ErrorCode } from '@tollgate/errors';
import { Problem } from './problem.js';

/** The code of what Fastify and Nest refuse by themselves, by HTTP status. */
const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  409: 'conflict',
  413: 'body_too_large',
  // A path parameter too long to be the name of anything.
  414: 'not_found',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
  503: 'service_unavailable',
};

/** Whatever was thrown, as the problem the caller hears. The words of others are never passed on. */
export function problemOf(exception: unknown): Problem {
  if (exception instanceof Problem) return exception;
  // Nest wraps what its HTTP layer throws; the problem may be inside.
  if (exception instanceof HttpException && exception.cause instanceof Problem) return exception.cause;
  if (isProxyFailure(exception) || isBehindAway(exception))
    return new Problem('service_unavailable', { cause: exception });
  const status = statusOf(exception);
  const code =
    status === undefined
      ? 'internal_error'
      : (CODE_BY_STATUS[status] ?? (status < 500 ? 'invalid_request' : 'internal_error'));
  return new Problem(code, { cause: exception });
}

/** The service behind `@fastify/http-proxy` is away: 500 by its own word, but not a bug of this process. */
function isProxyFailure(exception: unknown): boolean {
  const code = exception instanceof Error ? (exception as { code?: unknown }).code : undefined;
  return typeof code === 'string' && code.startsWith('FST_REPLY_FROM_') && (statusOf(exception) ?? 0) >= 500;
}

/**
 * Connections to what a service needs that were refused or broke: system errors, and PostgreSQL's shutdown codes (class
 * 57P).
 */
const AWAY: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  '57P01',
  '57P02',
  '57P03',
]);
const BROKEN_OFF =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;

/** A database or service that is away for the moment is no bug of this process: the same request may succeed later. */
function isBehindAway(exception: unknown): boolean {
  if (!(exception instanceof Error) || statusOf(exception) === 400) return false;
  const { code, driverError } = exception as { code?: unknown; driverError?: unknown };
  if (AWAY.has(code) || BROKEN_OFF.test(exception.message)) return true;
  return driverError instanceof Error && driverError !== exception && isBehindAway(driverError);
}

function statusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  if (exception instanceof Error && exception.name === 'FastifyError')
    return (exception as { statusCode?: number }).statusCode;
  // A connection that broke while the body was read: Fastify marks the socket's error with 400.
  if (
    exception instanceof Error &&
    (exception as { code?: unknown }).code === 'ECONNRESET' &&
    (exception as { statusCode?: unknown }).statusCode === 400
  )
    return 400;
  return undefined;
}
