import type { ErrorFamily } from './errors.js';

/** What a request asks of the simulator. */
type OperationKind =
  'chat' | 'embeddings' | 'completions' | 'responses' | 'compact' | 'messages' | 'count_tokens' | 'models';

/** What a request asks of the simulator, as its path says. */
export interface Operation {
  readonly kind: OperationKind;
  /** In the manner of Azure: another header carries the credential, and chat answers tell what a filter found. */
  readonly azure: boolean;
  /** The deployment that the path names, which is the model; null where the body names it. */
  readonly deployment: string | null;
  /** The path is one of those that need a version of the API in the query. */
  readonly versioned: boolean;
  readonly errors: ErrorFamily;
}

const OPENAI_ENDPOINTS: Readonly<Record<string, OperationKind>> = {
  '/chat/completions': 'chat',
  '/completions': 'completions',
  '/embeddings': 'embeddings',
  '/responses': 'responses',
  '/responses/compact': 'compact',
};
const ANTHROPIC_ENDPOINTS: Readonly<Record<string, OperationKind>> = {
  '/v1/messages': 'messages',
  '/v1/messages/count_tokens': 'count_tokens',
};
const OPENAI = /^(?:\/api)?\/v1(\/.+)$/;
const AZURE = /^\/openai\/v1(\/.+)$/;
const AZURE_VERSIONED = /^\/openai(\/responses)$/;
const AZURE_DEPLOYMENT = /^\/openai\/deployments\/([^/]+)(\/chat\/completions|\/completions|\/embeddings)$/;

/** The operation at a method and a path without its query; undefined where there is none. */
export function operationAt(method: string, path: string, speaksAnthropic: boolean): Operation | undefined {
  const plain = { azure: false, deployment: null, versioned: false } as const;
  if (method === 'GET')
    return /^\/v1\/models(?:\/.+)?$/.test(path)
      ? { ...plain, kind: 'models', errors: speaksAnthropic ? 'anthropic' : 'openai' }
      : undefined;
  if (method !== 'POST') return undefined;
  const anthropic = ANTHROPIC_ENDPOINTS[path];
  if (anthropic !== undefined) return { ...plain, kind: anthropic, errors: 'anthropic' };
  const deployment = AZURE_DEPLOYMENT.exec(path);
  if (deployment !== null) {
    const [, name = '', endpoint = ''] = deployment;
    const kind = OPENAI_ENDPOINTS[endpoint];
    return kind && { kind, azure: true, deployment: decodeURIComponent(name), versioned: true, errors: 'openai' };
  }
  const versioned = AZURE_VERSIONED.exec(path);
  const azure = AZURE.exec(path) ?? versioned;
  const kind = OPENAI_ENDPOINTS[(azure ?? OPENAI.exec(path))?.[1] ?? ''];
  return kind && { kind, azure: azure !== null, deployment: null, versioned: versioned !== null, errors: 'openai' };
}
