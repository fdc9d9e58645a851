import { listReply } from '@tollgate/http';
import { z } from 'zod';

const GROUP = { id: '7b0f7a52-1c7e-4b7e-9a55-0123456789ab', name: 'support bots' } as const;

const groupOfRoute = z.object({ id: z.uuid(), name: z.string() });
export type GroupOfRoute = Readonly<z.input<typeof groupOfRoute>>;

const ROUTE = {
  object: 'route',
  name: 'gpt-4o',
  access: 'groups',
  configured: true,
  groups: [GROUP],
} as const;

/** A route of config.yaml as the admin API shows it to one organisation. */
const routeReply = z
  .object({
    object: z.literal('route'),
    name: z.string().describe('What a caller writes in `model`; `*` stands for any characters.'),
    access: z
      .enum(['everyone', 'groups'])
      .nullable()
      .describe('Which keys may use it: all, or those in a group that has it. Null if it is not configured.'),
    configured: z
      .boolean()
      .describe('False for a route that a group still has, and that `config.yaml` no longer has: it serves nobody.'),
    groups: z.array(groupOfRoute).readonly().describe('Every group of the organisation that has the route.'),
  })
  .meta({ id: 'Route', examples: [ROUTE] });
export type RouteObject = Readonly<z.input<typeof routeReply>>;

/** One page of routes. */
export const routeListReply = listReply('RouteList', routeReply, ROUTE);
export type RouteList = Readonly<z.input<typeof routeListReply>>;

const KEY_ROUTE = { object: 'key_route', name: 'gpt-4o', access: 'groups', groups: [GROUP] } as const;

/** A route that a key may use. */
const keyRouteReply = z
  .object({
    object: z.literal('key_route'),
    name: z.string(),
    access: z
      .enum(['everyone', 'groups'])
      .describe('By what the key may use it: as every key may, or by the groups that are named.'),
    groups: z.array(groupOfRoute).readonly().describe('Every group of the key that has the route.'),
  })
  .meta({ id: 'KeyRoute', examples: [KEY_ROUTE] });
export type KeyRouteObject = Readonly<z.input<typeof keyRouteReply>>;

/** One page of the routes that a key may use. */
export const keyRouteListReply = listReply('KeyRouteList', keyRouteReply, KEY_ROUTE);
export type KeyRouteList = Readonly<z.input<typeof keyRouteListReply>>;
