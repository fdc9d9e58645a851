import { BlockList } from 'node:net';
import { hasWildcard } from '@tollgate/access';
import { parseSubnet } from '@tollgate/api-key';
import type { FieldFault } from '@tollgate/errors';
import { z } from 'zod';
import { BODY_BYTES_DEFAULT } from './body-bytes-default.js';
import { foldedPlanName } from './plan-name.js';
import { priceFaults } from './price-checks.js';
import { CONTEXT_TOKENS_DEFAULT } from './schema.js';

/** The names in a file, as far as they can be read: faults of the rest must not hide faults between them. */
const names = z
  .object({
    providers: z
      .array(
        z
          .object({
            name: z.string(),
            type: z.string().optional().catch(undefined),
            dialect: z.string().optional().catch(undefined),
            base_url: z.string().catch(''),
            api_version: z.unknown().optional(),
            endpoints: z.unknown().optional(),
            passes_to_openai: z.unknown().optional(),
            allow_betas: z.unknown().optional(),
          })
          .nullable()
          .catch(null),
      )
      .catch([]),
    routes: z
      .array(
        z
          .object({
            name: z.string(),
            targets: z.array(z.object({ provider: z.string(), model: z.string() }).nullable().catch(null)),
          })
          .nullable()
          .catch(null),
      )
      .catch([]),
    prices: z
      .array(
        z
          .object({
            provider: z.string(),
            model: z.string(),
            like: z.string().optional().catch(undefined),
            source: z.string().optional().catch(undefined),
            valid_from: z.string().optional().catch(undefined),
            valid_until: z.string().optional().catch(undefined),
            hours: z.object({ from: z.string(), until: z.string() }).optional().catch(undefined),
            context_tokens: z.number().default(CONTEXT_TOKENS_DEFAULT).catch(Infinity),
            long_context: z.array(z.object({ above_input_tokens: z.number() }).nullable().catch(null)).catch([]),
          })
          .nullable()
          .catch(null),
      )
      .catch([]),
    plans: z.array(z.object({ name: z.string() }).nullable().catch(null)).catch([]),
    limits: z
      .object({ body_bytes_max: z.number().default(BODY_BYTES_DEFAULT), bodies_bytes_max: z.number() })
      .nullable()
      .catch(null),
    trusted_proxies: z
      .array(
        z
          .object({ addresses: z.array(z.string()), header: z.string().default('x-forwarded-for') })
          .nullable()
          .catch(null),
      )
      .catch([]),
  })
  .catch({ providers: [], routes: [], prices: [], plans: [], limits: null, trusted_proxies: [] });
type Names = z.output<typeof names>;
type NamedProvider = NonNullable<Names['providers'][number]>;
type Target = NonNullable<NonNullable<Names['routes'][number]>['targets'][number]>;

/**
 * What is wrong between the parts of a file: names that repeat or lead nowhere, prices for the same time, bounds that
 * exclude each other.
 */
export function crossFaults(value: unknown): FieldFault[] {
  const read = names.parse(value);
  return [
    ...limitFaults(read.limits),
    ...read.providers.flatMap((provider, index) => (provider === null ? [] : typeFaults(provider, index))),
    ...repeated(
      'providers',
      read.providers.map((each) => each?.name),
      'another provider has this name',
    ),
    ...repeated(
      'routes',
      read.routes.map((each) => each?.name),
      'another route has this name',
    ),
    ...priceFaults(read.prices, (provider) => hasProvider(read, provider)),
    ...repeated(
      'plans',
      read.plans.map((each) => each && foldedPlanName(each.name)),
      'another plan has this name',
    ),
    ...proxyFaults(read.trusted_proxies),
    ...read.routes.flatMap((route, at) =>
      (route?.targets ?? []).flatMap((target, index) =>
        route === null || target === null
          ? []
          : targetFaults(read, route.name, target, ['routes', at, 'targets', index]),
      ),
    ),
  ];
}

/** Azure's newer API, whose calls need no version. */
const AZURE_V1 = /\/openai\/v1\/*$/i;
const AZURE_DEPLOYMENT = /\/openai\/deployments(?:\/.*)?$/i;

/** What a provider's type does not go with. */
function typeFaults(provider: NamedProvider, index: number): FieldFault[] {
  const { type, dialect, base_url, api_version, allow_betas } = provider;
  const fault = (field: string, message: string): FieldFault => ({ path: ['providers', index, field], message });
  const faults: FieldFault[] = [];
  if (type !== undefined && dialect !== undefined && (type === 'anthropic') !== (dialect === 'anthropic'))
    faults.push(fault('dialect', `contradicts type ${type}: leave it out`));
  if (type === 'openai' || type === 'azure' || type === 'anthropic')
    for (const field of ['endpoints', 'passes_to_openai'] as const)
      if (provider[field] !== undefined) faults.push(fault(field, 'is for type compatible alone'));
  if (allow_betas !== undefined && (type ?? dialect) !== 'anthropic')
    faults.push(fault('allow_betas', 'is for type anthropic alone'));
  if (type !== 'azure') {
    if (api_version !== undefined) faults.push(fault('api_version', 'is for type azure alone'));
    return faults;
  }
  if (AZURE_DEPLOYMENT.test(base_url)) {
    const resource = base_url.replace(AZURE_DEPLOYMENT, '');
    const message = `must end before /openai/deployments, which is added to it: write ${resource}, and the deployment as the model of a target`;
    faults.push(fault('base_url', message));
  } else if (api_version === undefined && !AZURE_V1.test(base_url))
    faults.push(fault('api_version', 'is required for type azure, as 2024-10-21, unless base_url ends in /openai/v1'));
  return faults;
}

function limitFaults(limits: Names['limits']): FieldFault[] {
  if (limits === null || limits.bodies_bytes_max >= 2 * limits.body_bytes_max) return [];
  const message = `must be at least twice body_bytes_max, ${2 * limits.body_bytes_max}: one key may fill half of it`;
  return [{ path: ['limits', 'bodies_bytes_max'], message }];
}

/**
 * A proxy that is named with both headers: it would be believed by one that it does not write, and passes on as a
 * client has written it. Of two networks that have an address in common, one has the first address of the other.
 */
function proxyFaults(proxies: Names['trusted_proxies']): FieldFault[] {
  const networks = proxies.flatMap((proxy, at) =>
    (proxy?.addresses ?? []).flatMap((text, index) => {
      const network = parseSubnet(text);
      if (network === null || proxy === null) return [];
      return [{ network, header: proxy.header, path: ['trusted_proxies', at, 'addresses', index] }];
    }),
  );
  const lists = new Map<string, BlockList>();
  for (const { network, header } of networks) {
    const list = lists.get(header) ?? new BlockList();
    list.addSubnet(network.address, network.prefixLength, network.family);
    lists.set(header, list);
  }
  return networks.flatMap(({ network, header, path }) => {
    const isInOther = [...lists].some(
      ([other, list]) => other !== header && list.check(network.address, network.family),
    );
    return isInOther ? [{ path, message: 'is, or is in, what another entry names with the other header' }] : [];
  });
}

function repeated(section: string, ids: readonly (string | null | undefined)[], message: string): FieldFault[] {
  const isRepeated = (id: string | null | undefined, index: number): boolean =>
    id !== null && id !== undefined && ids.indexOf(id) < index;
  return ids.flatMap((id, index) => (isRepeated(id, index) ? [{ path: [section, index, 'name'], message }] : []));
}

function targetFaults(read: Names, route: string, target: Target, path: readonly (string | number)[]): FieldFault[] {
  if (!hasProvider(read, target.provider)) return [unknownProvider(path, target.provider)];
  if (target.model !== '*' || hasWildcard(route)) return [];
  const message = `route "${route}" has one name, so name the model; * is for routes whose name has a *`;
  return [{ path: [...path, 'model'], message }];
}

const hasProvider = (read: Names, name: string): boolean => read.providers.some((each) => each?.name === name);

const unknownProvider = (path: readonly (string | number)[], name: string): FieldFault => ({
  path: [...path, 'provider'],
  message: `there is no provider "${name}"`,
});
