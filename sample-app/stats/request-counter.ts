import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';

/** Asked by who watches the application, not by who uses it. */
const WATCHING = ['/stats', '/metrics', '/health'];

/** Counts the requests that reach a route, but those that only watch. It stands before the cache, so hits count too. */
@Injectable()
export class RequestCounter implements NestInterceptor {
  count = 0;

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (!WATCHING.includes(context.switchToHttp().getRequest<{ path: string }>().path)) this.count += 1;
    return next.handle();
  }
}
