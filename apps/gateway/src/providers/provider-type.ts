import type { CeilingField, Provider as ProviderConfig } from '@tollgate/config';
import type { DialectName, Operation } from '../dialects/dialect.js';

/** Which of the fields that the gateway puts into a request a provider takes. */
export interface KnownFields {
  readonly ceilingField: CeilingField;
  readonly streamOptions: boolean;
}

/** The path of an operation for a model, with its query: what stands behind the origin of the base URL. */
export type OperationPath = (operation: Operation, model: string) => string;

/**
 * What providers of one type have in common. Each type is a folder; `provider-types.ts` is the table of them.
 *
 * @example
 * const path = azure.pathsOf({ baseUrl: 'https://name.openai.azure.com', apiVersion: '2024-10-21', … });
 * path('/embeddings', 'my-deployment');
 * // '/openai/deployments/my-deployment/embeddings?api-version=2024-10-21'
 */
export interface ProviderType {
  /** The dialects that it is spoken to in. */
  readonly dialects: ReadonlySet<DialectName>;
  /** How the paths of one provider are made. */
  pathsOf(config: Pick<ProviderConfig, 'baseUrl' | 'apiVersion'>): OperationPath;
  /** The headers that carry its credential, name and value in turn. */
  credentialHeaders(credential: string): readonly string[];
  /** What is presumed of it where its entry says nothing. */
  knownFields(config: Pick<ProviderConfig, 'baseUrl'>): KnownFields;
  /**
   * Whether an error with this status says that our configuration is wrong, not the caller's request: then another
   * target is tried. `isCallersModel`: the model it was asked for is the one that the caller named.
   */
  blamesConfiguration(status: number, isCallersModel: boolean): boolean;
}
