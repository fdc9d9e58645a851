import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { kubernetesTools } from '../tools/kubernetes-tools.js';
import { nameOf, type KubernetesObject } from './kubernetes-object.js';

interface Definitions {
  readonly $id: string;
  readonly $defs: Readonly<
    Record<
      string,
      {
        readonly 'x-kubernetes-group-version-kind'?: readonly {
          readonly group: string;
          readonly version: string;
          readonly kind: string;
        }[];
      }
    >
  >;
}

/**
 * A function that tells what is wrong with an object by the schema of its kind in this version of Kubernetes (`1.31`).
 * Unknown fields are wrong, and so are kinds that this version does not have.
 */
export async function strictSchemas(version: string): Promise<(object: KubernetesObject) => string[]> {
  const { schemas } = await kubernetesTools();
  const file = join(schemas, `v${version}.0-local-strict`, '_definitions.json');
  const definitions = JSON.parse(readFileSync(file, 'utf8')) as Definitions;
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(definitions);
  const validators = new Map<string, ValidateFunction>();
  const kinds = new Map<string, string>();
  for (const [name, { 'x-kubernetes-group-version-kind': of = [] }] of Object.entries(definitions.$defs))
    for (const { group, version: api, kind } of of)
      kinds.set(`${group === '' ? api : `${group}/${api}`} ${kind}`, name);
  return (object) => {
    const kind = `${object.apiVersion} ${object.kind}`;
    const name = kinds.get(kind);
    if (name === undefined) return [`${nameOf(object)}: Kubernetes ${version} has no ${kind}`];
    const validate = validators.get(kind) ?? ajv.compile({ $ref: `${definitions.$id}#/$defs/${name}` });
    validators.set(kind, validate);
    if (validate(object)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${nameOf(object)}${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  };
}
