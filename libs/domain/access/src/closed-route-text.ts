import type { AccessRefused } from './decide-access.js';

/**
 * What is told to somebody whose key is in no group that has the route, and what they can do. `model` is the name that
 * the caller sent. It names no group: which ones there are is for members of the organisation to see.
 */
export function closedRouteText(
  { route, closedBy }: Pick<Extract<AccessRefused, { rule: 'access' }>, 'route' | 'closedBy'>,
  model: string,
): string {
  const name = JSON.stringify(model);
  const [first] = closedBy;
  if (first === undefined)
    return `The model ${name} may lead to one that is open to groups only: it has characters that look like others, or leaves it to the provider which model answers. Write the name of one model as config.yaml has it.`;
  const closed = JSON.stringify(first);
  const begin =
    first === route
      ? `The route ${closed} is open to groups only`
      : `The model ${name} leads to what the route ${closed} serves, which is open to groups only`;
  return `${begin}, and this API key is in no group that has the route. Put the key into a group that has it, or give the route to one of the key's groups.`;
}
