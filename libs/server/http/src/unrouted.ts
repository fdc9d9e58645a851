import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.js';
import { pathOfTarget } from './request-target.js';

/**
 * Answers what has no route: 405 with `Allow` where the path takes other methods, 204 with `Allow` to OPTIONS there,
 * else 404. It comes before the body is looked at, so that a body in no known form is not what the caller hears of.
 * An `onRequest` hook that is added later may answer a path without any route in a shape of its own.
 *
 * There are no CORS headers but those of `openToPages`: the API is not meant to be called by pages of other origins,
 * which would have to hold a key.
 */
export function answerUnrouted(fastify: FastifyInstance): void {
  const routes = new RouteMethods();
  fastify.addHook('onRoute', ({ url, method }) => routes.add(url, method));
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const methods = routes.of(pathOfTarget(request.url));
    const allow = methods.join(', ');
    if (request.method === 'OPTIONS' && (methods.length > 0 || request.url === '*')) {
      void reply
        .code(204)
        .headers(allow === '' ? {} : { allow })
        .send();
    } else if (methods.length > 0) {
      done(new Problem('method_not_allowed', { detail: `This path takes ${allow}.`, headers: { allow } }));
    } else done();
  });
  fastify.addHook('preParsing', (request, _reply, _payload, done) => {
    if (request.is404) done(new Problem('not_found'));
    else done();
  });
}

/** Which methods the routes of a path take; Fastify's own router tells only whether one method has a route. */
class RouteMethods {
  readonly #routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  add(url: string, method: string | readonly string[]): void {
    let route = this.#routes.get(url);
    if (route === undefined) this.#routes.set(url, (route = { pattern: patternOf(url), methods: new Set() }));
    for (const each of typeof method === 'string' ? [method] : method) route.methods.add(each);
  }

  /** In alphabetical order; none where no route has the path. */
  of(path: string): readonly string[] {
    const decoded = decode(path);
    const methods = new Set<string>();
    for (const route of this.#routes.values()) {
      if (route.pattern.test(decoded)) for (const each of route.methods) methods.add(each);
    }
    return [...methods].sort();
  }
}

/** `:name` stands for one segment of a path, `*` for whatever follows. */
function patternOf(url: string): RegExp {
  const pattern = url.replace(/(:\w+)|(\*)|[^\w/]/g, (part, name?: string, rest?: string) => {
    if (name !== undefined) return '[^/]+';
    return rest === undefined ? `\\${part}` : '.*';
  });
  return new RegExp(`^${pattern}$`);
}

/** As the router reads a path. What it cannot read never comes here. */
function decode(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
