import { words } from './request-field.js';

/** Words at the end of a name by which it names an address, a credential, another model, or a separate call. */
const LEADING_WORDS = words(`
  api_?keys? api_?tokens? api_?base api_?url api_?host base_?ur[li] ur[li]s? host hostname port proxy endpoints?
  webhooks? callbacks? servers? secrets? (secret|access|private|public|session|virtual)_?keys? access_key_id
  (access|auth|bearer|session|id|ad)_?token password passwd credentials? service_account authorization
  bucket(_name)? deployments?(_(id|name))? fallbacks?
  (model|lora|adapter|engine|router?|provider)s?(_(id|name|list|override|path|options|preferences))? headers
  tenant(_id)? organizations?(_id)? projects?(_id)? region(_name)?
`);
/** Names of systems that a relay calls beside the provider. A field whose name begins with one is for the relay. */
const SYSTEMS = words(`
  langfuse langsmith posthog slack litellm helicone cf_aig portkey braintrust arize phoenix datadog sentry wandb
  mlflow azure aws s3 gcs gcp vertex sagemaker bedrock watsonx databricks ollama hf mcp
`);
const LEADS_ELSEWHERE = new RegExp(
  `(^|_)(${LEADING_WORDS.join('|')})$|^(${SYSTEMS.join('|')})_|(^|_)fallback|callback|webhook`,
);

/**
 * Whether the name of an unknown field says that it sends the request elsewhere, in snake_case, camelCase or with
 * dashes. Relays name such a field after each system that they know, so no list of such fields can be complete.
 */
export function leadsElsewhere(name: string): boolean {
  return LEADS_ELSEWHERE.test(
    name
      .normalize('NFKD')
      .replace(/[\p{M}\s]/gu, '')
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll(/[-.]/g, '_')
      .toLowerCase(),
  );
}
