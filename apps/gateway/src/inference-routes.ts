import { ERRORS, openAiErrorBody, type ErrorCode } from '@tollgate/errors';
import { Problem } from '@tollgate/http';
import type { FastifyInstance } from 'fastify';
import { Exchange } from './request-path/exchange.js';

/** Where chat completions are spoken in OpenAI's dialect. */
const CHAT_PATHS = ['/v1/chat/completions', '/api/v1/chat/completions'];

/**
 * The inference endpoints, as raw routes beside Nest's controllers: no guard, pipe or interceptor, and a body that
 * nobody reads before the request path does.
 */
export function registerInferenceRoutes(fastify: FastifyInstance, serve: (exchange: Exchange) => Promise<void>): void {
  void fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((error, request, reply) => {
      const code: ErrorCode = error instanceof Problem ? error.code : 'internal_error';
      void reply.code(ERRORS[code].status).headers({ 'x-request-id': request.id, 'request-id': request.id }).send(openAiErrorBody(code, {}));
    });
    for (const url of CHAT_PATHS) {
      scope.post(url, (request, reply) => {
        reply.hijack();
        void serve(new Exchange(request.raw, reply.raw));
      });
    }
    done();
  });
}
