import type { CeilingField, Provider as ProviderConfig } from '@tollgate/config';
import type { CallerHeadersRule } from './caller-headers.js';
import type { DialectName, Operation } from '../dialects/dialect-name.js';

/** The fields of the gateway's own that a provider accepts. */
export interface KnownFields {
  readonly ceilingField: CeilingField;
  readonly streamOptions: boolean;
  /** Whether it takes custom tools in chat, whose input is any text. Absent: no, and functions stand for them. */
  readonly customTools?: boolean;
  /**
   * Whether its thinking models want their earlier thoughts back in chat (`reasoning_content`). Absent: those of some
   * makers do (`wantsThoughts`); others refuse the field.
   */
  readonly earlierThoughts?: boolean;
  /** Whether it takes no other ids of calls than Mistral does. Absent: models of Mistral are asked with such ids. */
  readonly mistralsCallIds?: boolean;
  /** Whether it is OpenAI, or its models at Azure, and so takes what only OpenAI knows. Absent: no. */
  readonly hints?: boolean;
  /**
   * Whether a ceiling of 0 is one: Anthropic only fills its cache then, and OpenAI only reads the prompt of
   * completions. Absent: no, since servers such as Ollama and llama.cpp take 0 for no limit.
   */
  readonly endsAtZero?: boolean;
}

/** The path and query of an operation for a model: the part after the origin of the base URL. */
export type OperationPath = (operation: Operation, model: string) => string;

/**
 * What providers of one type have in common. Each type is a folder, listed in `provider-types.ts`.
 *
 * @example
 * const path = azure.pathsOf({ baseUrl: 'https://name.openai.azure.com', apiVersion: '2024-10-21', … });
 * path('/embeddings', 'my-deployment');
 * // '/openai/deployments/my-deployment/embeddings?api-version=2024-10-21'
 */
export interface ProviderType {
  /** The dialects that a provider accepts. */
  dialectsOf(config: Pick<ProviderConfig, 'baseUrl' | 'apiVersion' | 'endpoints'>): ReadonlySet<DialectName>;
  /** The dialects in which a model is served, if they are fewer than its provider speaks; null for all of them. */
  dialectsOfModel?(model: string): ReadonlySet<DialectName> | null;
  /** Makes the function for the paths of one provider. */
  pathsOf(config: Pick<ProviderConfig, 'baseUrl' | 'apiVersion'>): OperationPath;
  /** The headers with the credential: names and values in turn. */
  credentialHeaders(credential: string): readonly string[];
  /** Reads what is passed on of a caller's headers, to a provider that speaks the caller's dialect. */
  readonly callerHeaders: CallerHeadersRule;
  /** The headers of a call without such headers: names and values in turn. */
  readonly defaultHeaders: readonly string[];
  /** The fields that a provider is presumed to accept if its entry in the configuration says nothing. */
  knownFields(config: Pick<ProviderConfig, 'baseUrl' | 'passesToOpenAi'>): KnownFields;
  /**
   * Whether an error with this status means that our configuration is wrong, and not the caller's request; then another
   * target is tried. `isCallersModel` says that the provider was asked for the model that the caller named.
   */
  blamesConfiguration(status: number, isCallersModel: boolean): boolean;
}
