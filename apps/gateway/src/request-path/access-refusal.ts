import { accessRefusalText, isAboutModel, type AccessRefused } from '@tollgate/access';
import { refuse, type Refusal } from './exchange/refusal.js';

/** The refusal for a violated rule of access. `model` is the caller's text; empty while it is not known. */
export function accessRefusal(refused: AccessRefused, model = ''): Refusal {
  const message = accessRefusalText(refused, model);
  return refuse(refused.code, {
    ...(message !== null && { message }),
    ...(isAboutModel(refused) && { param: 'model' }),
  });
}
