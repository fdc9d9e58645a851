import { rows, type RequestField } from '../request-scan/request-field.js';

/**
 * Fields by which relays and servers send a request to another destination than the route's, in any dialect of OpenAI.
 */
export const ELSEWHERE_FIELDS: readonly RequestField[] = [
  ...rows(
    'elsewhere',
    'It names another model.',
    `
    models fallbacks fallback fallback_model fallback_models context_window_fallbacks context_window_fallback_dict
    content_policy_fallbacks default_fallbacks model_list model_name model_id model_info model_group model_alias
    model_group_alias base_model target_model specific_deployment deployment deployment_id azure_deployment engine
    route router router_settings router_settings_override user_config litellm_params litellm_credential_name
    prompt_id preset targets strategy draft_model lora lora_path lora_request adapter adapter_id adapter_source
    config gateway
    `,
  ),
  ...rows(
    'elsewhere',
    'It names another provider or address.',
    `
    provider providers custom_llm_provider api_base base_url api_url api_host api_endpoint api_type api_version
    azure_endpoint endpoint endpoint_url url host custom_host proxy proxies proxy_url data_sources kv_transfer_params
    bootstrap_host bootstrap_port bootstrap_room webhook webhook_url callback_url region_name aws_region_name
    aws_sts_endpoint aws_bedrock_runtime_endpoint vertex_location vertex_ai_location watsonx_region_name
    `,
  ),
  ...rows(
    'elsewhere',
    'It names another credential, or its owner.',
    `
    api_key api_keys api_token auth authorization auth_token access_token bearer_token token credential credentials
    virtual_key secret_key client_id client_secret tenant_id azure_ad_token azure_ad_token_provider azure_username
    azure_password azure_scope aws_access_key_id aws_secret_access_key aws_session_token aws_session_name
    aws_profile_name aws_role_name aws_external_id aws_web_identity_token vertex_project vertex_ai_project
    vertex_credentials vertex_ai_credentials watsonx_project organization organization_id project project_id
    `,
  ),
  ...rows(
    'elsewhere',
    'A relay puts it into the request or its headers.',
    `
    extra_headers extra_body extra_query headers default_headers custom_headers additional_drop_params
    `,
  ),
];
