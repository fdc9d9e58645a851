import type { Provider as ProviderConfig } from '@tollgate/config';
import { anthropic } from './anthropic/anthropic.js';
import { azure } from './azure/azure.js';
import { compatible } from './compatible/compatible.js';
import { openai } from './openai/openai.js';
import type { ProviderType } from './provider-type.js';

/** The provider types by their names in `config.yaml`. */
export const PROVIDER_TYPES: Readonly<Record<ProviderConfig['type'], ProviderType>> = {
  openai,
  azure,
  anthropic,
  compatible,
};
