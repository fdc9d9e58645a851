/**
 * The sources of prices that we know, and the hosts whose models they price: exactly, or all below one that begins with
 * a dot. A host with prices of its own, as eu.api.openai.com (a tenth more for some models), is not among them; neither
 * are hosts on which the path decides. Hosts as the price data's own `api_pattern` names them, or as the provider's
 * documentation does.
 */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  openai: ['api.openai.com'],
  anthropic: ['api.anthropic.com'],
  azure: ['.openai.azure.com', '.services.ai.azure.com', '.cognitiveservices.azure.com'],
  google: ['generativelanguage.googleapis.com', 'aiplatform.googleapis.com'],
  mistral: ['api.mistral.ai'],
  groq: ['api.groq.com'],
  deepseek: ['api.deepseek.com'],
  'x-ai': ['api.x.ai'],
  perplexity: ['api.perplexity.ai'],
  cerebras: ['api.cerebras.ai'],
  cohere: ['api.cohere.com', 'api.cohere.ai'],
  together: ['api.together.xyz', 'api.together.ai'],
  fireworks: ['api.fireworks.ai'],
  openrouter: ['openrouter.ai'],
  moonshotai: ['api.moonshot.ai'],
  minimax: ['api.minimax.io'],
  novita: ['api.novita.ai'],
  zai: ['api.z.ai'],
  zhipuai: ['open.bigmodel.cn'],
  voyageai: ['api.voyageai.com'],
  ovhcloud: ['oai.endpoints.kepler.ai.cloud.ovh.net'],
  baseten: ['inference.baseten.co'],
  avian: ['api.avian.io'],
  arcee: ['api.arcee.ai'],
  doubleword: ['api.doubleword.ai'],
  aws: [],
  cloudflare: [],
};

/** The names of the sources, as `source` and `like` of a configuration have them. */
export const SOURCES: readonly string[] = Object.keys(HOSTS).sort();

/** The source that prices the models at this address, by its host; null for a host that is not known. */
export function sourceOfHost(baseUrl: string): string | null {
  if (!URL.canParse(baseUrl)) return null;
  const { hostname } = new URL(baseUrl);
  const isMeant = (host: string): boolean => (host.startsWith('.') ? hostname.endsWith(host) : hostname === host);
  return Object.entries(HOSTS).find(([, hosts]) => hosts.some(isMeant))?.[0] ?? null;
}
