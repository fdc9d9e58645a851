import { closedRouteText, type AccessRefused } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { refuse, type Refusal } from './exchange/refusal.js';

const NOT_FOR_PAGES =
  'This API key is not for web pages, and the request has the header Origin or Sec-Fetch-Site as only browsers send it. ' +
  'Call from a server, or set browser_use of the key to "allowed".';
const NO_INFERENCE = 'This is the secret of a project key, which opens no inference. Use a router key.';

/** The refusal for a violated rule of access. `model` is the caller's text; empty while it is not known. */
export function accessRefusal(refused: AccessRefused, model = ''): Refusal {
  switch (refused.rule) {
    case 'address':
      return refuse(refused.code);
    case 'browser':
      return refuse(refused.code, { message: NOT_FOR_PAGES });
    case 'project_key':
      return refuse(refused.code, { message: NO_INFERENCE });
    case 'scope':
      return refuse(refused.code, { message: `The API key lacks the scope ${refused.scope}.` });
    case 'route':
      return refuse(refused.code, {
        message: `The model ${JSON.stringify(model)} does not exist.`,
        param: 'model',
      });
    case 'access':
      return refuse(refused.code, { message: closedRouteText(refused, model), param: 'model' });
    case 'model':
    case 'provider':
      return refuse(refused.code, { param: 'model' });
    default:
      return unreachable(refused);
  }
}
