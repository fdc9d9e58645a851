import type { DialectName, Operation } from '../../dialects/dialect-name.js';
import { openai, OPENAI_DIALECTS } from '../openai/openai.js';
import type { ProviderType } from '../provider-type.js';

/** Matches base URLs of Azure's newer API, which has OpenAI's paths and the deployment in `model`. */
const V1 = /\/openai\/v1$/i;
const OPENAI = /\/openai$/i;
const DOTS = /^\.+$/;
const NOT_FOUND = 404;
/** The first version of the older API that has Responses. */
const RESPONSES_SINCE = '2025-03-01';
const OLD: ReadonlySet<DialectName> = new Set(['openai-chat', 'openai-completions', 'openai-embeddings']);
const OLD_WITH_RESPONSES: ReadonlySet<DialectName> = new Set([...OLD, 'openai-responses']);

/**
 * Azure OpenAI. The model of a target is the name of a deployment. If the base URL ends in `/openai/v1`, requests are
 * as for OpenAI, with the deployment as `model`. Otherwise the path names the deployment and the version of the API;
 * only Responses, which versions from March 2025 on have, name the deployment in `model` there too. The credential is a
 * key of the resource, in a separate header.
 */
export const azure: ProviderType = {
  ...openai,
  dialectsOf({ baseUrl, apiVersion }) {
    if (V1.test(pathnameOf(baseUrl))) return OPENAI_DIALECTS;
    return apiVersion !== null && apiVersion >= RESPONSES_SINCE ? OLD_WITH_RESPONSES : OLD;
  },
  pathsOf({ baseUrl, apiVersion }) {
    const base = pathnameOf(baseUrl);
    const query = apiVersion === null ? '' : `?api-version=${encodeURIComponent(apiVersion)}`;
    if (V1.test(base)) return (operation) => base + operation + query;
    const resource = `${base.replace(OPENAI, '')}/openai`;
    return (operation: Operation, model: string) =>
      operation === '/responses'
        ? resource + operation + query
        : `${resource}/deployments/${segmentOf(model)}${operation}${query}`;
  },
  credentialHeaders: (credential) => ['api-key', credential],
  /** A missing deployment, or an unknown path or version, is a mistake in our configuration. */
  blamesConfiguration: (status, isCallersModel) => status === NOT_FOUND && !isCallersModel,
};

/** The path of a base URL, without a slash at its end. */
function pathnameOf(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/$/, '');
}

/**
 * The name of a deployment as one segment of a path. A caller may choose it if the model of a target is `*`. A segment
 * of dots would lead to another path, even if it is encoded once; encoded twice, it leads nowhere.
 */
function segmentOf(model: string): string {
  return DOTS.test(model) ? model.replaceAll('.', '%252E') : encodeURIComponent(model);
}
