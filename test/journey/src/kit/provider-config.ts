import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';

/** A provider of a configuration that a test writes; without a variable it needs no credential. */
export interface ConfiguredProvider {
  readonly name: string;
  readonly baseUrl: string;
  readonly variable?: string;
}

/**
 * Writes a configuration, and gives its path: for each provider a route of its name to a model `m`, and a route `any`
 * to all of them, by far most often to the first. JSON is YAML.
 */
export function writeConfig(providers: readonly ConfiguredProvider[]): string {
  const file = join(tempFolder('tollgate-config'), 'config.yaml');
  const target = ({ name }: ConfiguredProvider, place: number) => ({
    provider: name,
    model: 'm',
    weight: place === 0 ? 1_000 : 1,
  });
  writeFileSync(
    file,
    JSON.stringify(
      {
        providers: providers.map(({ name, baseUrl, variable }) => ({
          name,
          base_url: baseUrl,
          allow_private_network: true,
          ...(variable !== undefined && { credential: ['$', `{env:${variable}}`].join('') }),
        })),
        routes: [
          ...providers.map((each) => ({ name: each.name, targets: [target(each, 0)] })),
          { name: 'any', targets: providers.map(target) },
        ],
        prices: providers.map(({ name }) => ({
          provider: name,
          model: 'm',
          input_usd_per_million: 1,
          output_usd_per_million: 10,
          max_output_tokens: 1_000,
        })),
      },
      null,
      2,
    ),
  );
  return file;
}
