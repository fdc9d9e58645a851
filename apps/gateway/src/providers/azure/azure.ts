import type { Operation } from '../../dialects/dialect-name.js';
import { openai } from '../openai/openai.js';
import type { ProviderType } from '../provider-type.js';

/** Matches base URLs of Azure's newer API, which has OpenAI's paths and the deployment in `model`. */
const V1 = /\/openai\/v1$/i;
const OPENAI = /\/openai$/i;
const DOTS = /^\.+$/;
const NOT_FOUND = 404;

/**
 * Azure OpenAI. The model of a target is the name of a deployment. If the base URL ends in `/openai/v1`, requests are
 * as for OpenAI, with the deployment as `model`. Otherwise the path names the deployment and the version of the API.
 * The credential is a key of the resource, in a separate header.
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
  /** A missing deployment, or an unknown path or version, is a mistake in our configuration. */
  blamesConfiguration: (status, isCallersModel) => status === NOT_FOUND && !isCallersModel,
};

/**
 * The name of a deployment as one segment of a path. A caller may choose it if the model of a target is `*`. A segment
 * of dots would lead to another path, even if it is encoded once; encoded twice, it leads nowhere.
 */
function segmentOf(model: string): string {
  return DOTS.test(model) ? model.replaceAll('.', '%252E') : encodeURIComponent(model);
}
