import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import { catchError, type Observable } from 'rxjs';
import { UnavailableError } from './unavailable.js';

/** Turns an `UnavailableError` of a use case into 503 `service_unavailable`. */
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
