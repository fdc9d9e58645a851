/** What a request asks of the simulator, as its path says. */
export interface Operation {
  readonly kind: 'chat' | 'embeddings';
  /** In the manner of Azure: another header carries the credential, and chat answers tell what a filter found. */
  readonly azure: boolean;
  /** The deployment that the path names, which is the model; null where the body names it. */
  readonly deployment: string | null;
  /** The path is one of those that need a version of the API in the query. */
  readonly versioned: boolean;
}

const ENDPOINTS = { '/chat/completions': 'chat', '/embeddings': 'embeddings' } as const;
const OPENAI = /^\/v1(\/chat\/completions|\/embeddings)$/;
const AZURE = /^\/openai\/v1(\/chat\/completions|\/embeddings)$/;
const AZURE_DEPLOYMENT = /^\/openai\/deployments\/([^/]+)(\/chat\/completions|\/embeddings)$/;

/** The operation at a path without its query; undefined where there is none. */
export function operationAt(path: string): Operation | undefined {
  const deployment = AZURE_DEPLOYMENT.exec(path);
  if (deployment !== null) {
    const [, name = '', endpoint = ''] = deployment;
    return { kind: kindOf(endpoint), azure: true, deployment: decodeURIComponent(name), versioned: true };
  }
  const azure = AZURE.exec(path);
  const endpoint = (azure ?? OPENAI.exec(path))?.[1];
  if (endpoint === undefined) return undefined;
  return { kind: kindOf(endpoint), azure: azure !== null, deployment: null, versioned: false };
}

function kindOf(endpoint: string): Operation['kind'] {
  return ENDPOINTS[endpoint as keyof typeof ENDPOINTS];
}
