import type { Operation } from '../../dialects/dialect.js';
import { openai } from '../openai/openai.js';
import type { ProviderType } from '../provider-type.js';

/** Azure's newer API: OpenAI's paths, and the deployment in `model`. */
const V1 = /\/openai\/v1$/i;
const OPENAI = /\/openai$/i;
const DOTS = /^\.+$/;
const NOT_FOUND = 404;

/**
 * Azure OpenAI. The model of a target is the name of a deployment. With a base URL that ends in `/openai/v1` it is
 * spoken to as OpenAI is, the deployment as `model`; else by the path of the deployment and the version of the API. The
 * credential is a key of the resource, in a header of its own.
 */
export const azure: ProviderType = {
  ...openai,
  pathsOf({ baseUrl, apiVersion }) {
    const base = new URL(baseUrl).pathname.replace(/\/$/, '');
    const query = apiVersion === null ? '' : `?api-version=${encodeURIComponent(apiVersion)}`;
    if (V1.test(base)) return (operation) => base + operation + query;
    const deployments = `${base.replace(OPENAI, '')}/openai/deployments/`;
    return (operation: Operation, model: string) => deployments + segmentOf(model) + operation + query;
  },
  credentialHeaders: (credential) => ['api-key', credential],
  /** A deployment that is not there, or an unknown path or version: all of them stand in our configuration. */
  blamesConfiguration: (status, isCallersModel) => status === NOT_FOUND && !isCallersModel,
};

/**
 * The name of a deployment as one segment of a path. A caller may choose it where the model of a target is `*`: dots
 * alone would lead to another path, also encoded once, so they are encoded twice and found nowhere.
 */
function segmentOf(model: string): string {
  return DOTS.test(model) ? model.replaceAll('.', '%252E') : encodeURIComponent(model);
}
