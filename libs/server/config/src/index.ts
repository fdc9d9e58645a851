export {
  isConfigured,
  lacksCredential,
  lackingProviders,
  missingCredentials,
  missingSources,
  needsCredential,
  SIMULATOR_NAME,
  variablesOf,
  type CeilingField,
  type PlanEntry,
  type PriceEntry,
  type Provider,
  type ProviderType,
  type Route,
  type Target,
  type TollgateConfig,
} from './config.js';
export { ConfigError, ConfigFileMissing, type ConfigProblem } from './config-error.js';
export { PriceBook, type PriceFacts } from './price-book.js';
export {
  ownPrices,
  PRICE_OVERRIDES_BYTES_MAX,
  PRICE_OVERRIDES_MAX,
  priceOverrideFaults,
  priceOverridesSchema,
  priceVersionWith,
  storedPriceOverrides,
  type OwnPrices,
  type StoredPriceOverrides,
} from './price-overrides.js';
export { foldedPlanName } from './plan-name.js';
export { loadConfig } from './load-config.js';
export { parseConfig, type EnvironmentLookup } from './parse-config.js';
export {
  adminApiFields,
  environmentFields,
  kafkaFields,
  EnvironmentError,
  environmentVariable,
  listenerFields,
  publicListenerFields,
  readEnvironment,
  type AdminApiEnvironment,
} from './environment.js';
export { TOLLGATE_VARIABLES, unknownVariables, type UnknownVariable } from './unknown-variables.js';
export { isSecretVariable, secretVariable, twinOf, variablesIn } from './secret-variables.js';
