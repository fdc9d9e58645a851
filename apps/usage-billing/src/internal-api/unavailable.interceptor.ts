import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import { catchError, type Observable } from 'rxjs';
import { UnavailableError } from '../unavailable.js';

/** Answers 503 `service_unavailable` when a use case could not ask another store or the bus. */
@Injectable()
export class UnavailableInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        if (!(error instanceof UnavailableError)) throw error;
        throw new Problem('service_unavailable', { detail: error.message, cause: error.cause });
      }),
    );
  }
}
