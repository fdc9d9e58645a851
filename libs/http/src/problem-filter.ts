import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { problemBody } from '@tollgate/errors';
import type { Logger } from '@tollgate/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from './problem-of.js';
import type { Problem } from './problem.js';

/**
 * Answers every exception as RFC 9457 `application/problem+json`. What nobody expected is 500 `internal_error`:
 * the log has it whole, the caller has the request id.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    // Bus handlers have their own answer to a failure: the batch comes again.
    if (host.getType() !== 'http') throw exception;
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = problemOf(exception);
    this.log(problem, request);
    // Half a reply is out: only a broken connection tells the caller that the rest will not come.
    if (reply.raw.headersSent) void reply.raw.destroy();
    else if (!reply.sent) sendProblem(reply, problem, request.id);
  }

  private log(problem: Problem, request: FastifyRequest): void {
    if (problem.status < 500) return;
    const about = { requestId: request.id, method: request.method, route: request.routeOptions?.url, code: problem.code, err: problem.cause ?? problem };
    if (problem.code === 'internal_error') this.logger.error(about, 'a request failed in a way nobody expected');
    else this.logger.warn(about, 'a request could not be served');
  }
}

/** Sends a problem as the reply; also for handlers on the raw Fastify instance. */
export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): void {
  const { code, status, detail, errors, headers } = problem;
  void reply
    .code(status)
    .headers({ ...headers, 'content-type': 'application/problem+json' })
    .send(JSON.stringify(problemBody(code, { detail, errors, requestId })));
}
