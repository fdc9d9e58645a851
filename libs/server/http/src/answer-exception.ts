import { problemBody, type ErrorCode } from '@tollgate/errors';
import { errorShapeAt, problemPage } from '@tollgate/openapi';
import { LogSampler, type Logger } from '@tollgate/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PAGE_HEADERS } from './page-headers.js';
import { problemOf } from './problem-of.js';
import type { Problem } from './problem.js';
import { readAway } from './read-away.js';
import { pathOfTarget } from './request-target.js';

/**
 * Answers whatever was thrown. What nobody expected is 500 `internal_error`: the log has it whole, the caller
 * has the request id.
 */
export function answerException(
  exception: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): void {
  const problem = problemOf(exception);
  log(problem, request, logger);
  // Half a reply is out: only a broken connection tells the caller that the rest will not come.
  if (reply.raw.headersSent) void reply.raw.destroy();
  else if (!reply.sent) sendProblem(reply, problem, request.id);
}

const codes = new WeakMap<FastifyRequest, ErrorCode>();

/** The code of the problem that a request was answered with; null if it was not, or not yet. */
export const problemCodeOf = (request: FastifyRequest): ErrorCode | null => codes.get(request) ?? null;

/**
 * Sends a problem as the reply, in the shape of its path; also for handlers on the raw Fastify instance. A browser
 * that was sent to the address (by an identity provider, for example) gets the problem as a page.
 */
export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): void {
  const { code, status, errors, headers } = problem;
  const detail = problem.detail ?? boundOf(code, reply.request);
  codes.set(reply.request, code);
  // Fastify would close the connection under a client that is still sending, and that client would never read why.
  // Left open, the rest of the body is read away, for as long as a request may take.
  if (code === 'body_too_large') void reply.removeHeader('connection');
  readAway(reply.request.raw);
  void reply.code(status).headers(headers);
  const { mediaType, body } = errorShapeAt(pathOfTarget(reply.request.url));
  const about = { detail, errors, requestId };
  if (isNavigation(reply.request) && mediaType === PROBLEM_TYPE)
    void reply.headers(PAGE_HEADERS).send(problemPage(problemBody(code, about)));
  // As bytes: Fastify adds a charset to text, which this media type does not have.
  else void reply.header('content-type', mediaType).send(Buffer.from(JSON.stringify(body(code, about))));
}

/** The bound that a body has passed, where the problem does not name it. */
function boundOf(code: ErrorCode, { routeOptions }: FastifyRequest): string | undefined {
  const bytesMax = routeOptions?.bodyLimit;
  if (code !== 'body_too_large' || bytesMax === undefined) return undefined;
  return `The body of this route may have at most ${bytesMax} bytes.`;
}

/** Of the shape that a page can stand for: clients of other products read theirs wherever they ask from. */
const PROBLEM_TYPE = 'application/problem+json';

/** Whether a browser shows the reply as a document of its own: browsers alone set this header, and no script can. */
const isNavigation = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' && headers['sec-fetch-mode'] === 'navigate';

/** A flood of callers who are told to come back must not become a flood of lines. */
const sampler = new LogSampler();

function log(problem: Problem, request: FastifyRequest, logger: Logger): void {
  if (problem.status < 500) return;
  const route = request.routeOptions?.url;
  const suppressed = problem.code === 'internal_error' ? 0 : sampler.take(`${route} ${problem.code}`);
  if (suppressed === -1) return;
  const about = {
    requestId: request.id,
    method: request.method,
    route,
    code: problem.code,
    err: problem.cause ?? problem,
    ...(suppressed > 0 && { suppressed }),
  };
  if (problem.code === 'internal_error') logger.error(about, 'a request failed in a way nobody expected');
  else logger.warn(about, 'a request could not be served');
}
