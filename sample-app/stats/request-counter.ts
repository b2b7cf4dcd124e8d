import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';

/** Counts the requests that reach a route, but those that only ask for the count. It stands before the cache, so hits count too. */
@Injectable()
export class RequestCounter implements NestInterceptor {
  count = 0;

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.switchToHttp().getRequest<{ path: string }>().path !== '/stats') this.count += 1;
    return next.handle();
  }
}
