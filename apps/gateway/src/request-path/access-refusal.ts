import { closedRouteText, type AccessRefused } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { refuse, type Refusal } from './exchange/refusal.js';

/** The refusal for a violated rule of access. `model` is the caller's text; empty while it is not known. */
export function accessRefusal(refused: AccessRefused, model = ''): Refusal {
  switch (refused.rule) {
    case 'address':
      return refuse(refused.code);
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
