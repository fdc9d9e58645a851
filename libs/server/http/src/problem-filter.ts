import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@tollgate/telemetry';
import { answerException } from './answer-exception.js';

/** Answers every exception of a controller as RFC 9457 `application/problem+json`; see `answerException`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    // Bus handlers have their own answer to a failure: the batch comes again.
    if (host.getType() !== 'http') throw exception;
    const http = host.switchToHttp();
    answerException(exception, http.getRequest(), http.getResponse(), this.logger);
  }
}
