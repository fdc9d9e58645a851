import { unreachable } from '@tollgate/errors';
import { closedRouteText } from './closed-route-text.js';
import type { AccessRefused } from './decide-access.js';

const NOT_FOR_PAGES =
  'This API key is not for web pages, and the request has the header Origin or Sec-Fetch-Site as only browsers send it. ' +
  'Call from a server, or set browser_use of the key to "allowed".';
const NO_INFERENCE = 'This is the secret of a project key, which opens no inference. Use a router key.';

/**
 * What is told to whom a rule of access refuses; null for the text that the error catalogue has. `model` is the name
 * that the caller sent; empty while it is not known.
 */
export function accessRefusalText(refused: AccessRefused, model: string): string | null {
  switch (refused.rule) {
    case 'browser':
      return NOT_FOR_PAGES;
    case 'project_key':
      return NO_INFERENCE;
    case 'scope':
      return `The API key lacks the scope ${refused.scope}.`;
    case 'route':
      return `The model ${JSON.stringify(model)} does not exist.`;
    case 'access':
      return closedRouteText(refused, model);
    case 'address':
    case 'model':
    case 'provider':
      return null;
    default:
      return unreachable(refused);
  }
}

/** Whether a refusal is about the field `model` of the request. */
export function isAboutModel({ rule }: AccessRefused): boolean {
  return rule === 'route' || rule === 'access' || rule === 'model' || rule === 'provider';
}
