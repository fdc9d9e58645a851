import type { Provider as ProviderConfig } from '@tollgate/config';
import { azure } from './azure/azure.js';
import { compatible } from './compatible/compatible.js';
import { openai } from './openai/openai.js';
import type { ProviderType } from './provider-type.js';

/** The provider types by their names in `config.yaml`; null for one whose dialects the gateway does not speak yet. */
export const PROVIDER_TYPES: Readonly<Record<ProviderConfig['type'], ProviderType | null>> = {
  openai,
  azure,
  anthropic: null,
  compatible,
};
