import { setTimeout as delay } from 'node:timers/promises';
import {
  AclOperations,
  AclPermissionTypes,
  ResourcePatternTypes,
  ResourceTypes,
  type Acl,
  type Admin,
} from '@platformatic/kafka';
import { ANONYMOUS, BUS_SERVICES, BUS_TOPICS, consumerGroup, rightKey, type KafkaRight } from '../rights.js';

const IN_FORCE_MS_MAX = 10_000;
const IN_FORCE_POLL_MS = 20;

const RESOURCES = { topic: ResourceTypes.TOPIC, group: ResourceTypes.GROUP, cluster: ResourceTypes.CLUSTER } as const;
const OPERATIONS = {
  Create: AclOperations.CREATE,
  Describe: AclOperations.DESCRIBE,
  DescribeConfigs: AclOperations.DESCRIBE_CONFIGS,
  Read: AclOperations.READ,
  Write: AclOperations.WRITE,
} as const satisfies Record<KafkaRight['operation'], number>;

/** How many rights a run gave, and how many it took away. */
export interface ChangedRights {
  readonly given: number;
  readonly taken: number;
}

/**
 * Gives the rights that are missing and takes away those that the services have on this installation's topics and
 * groups without their being among `rights`: what a release before had given, or what plain clients had. Rights of
 * others, and on other things, stay. Resolves when the broker that was asked applies them.
 */
export async function makeRights(
  admin: Admin,
  rights: readonly KafkaRight[],
  topicPrefix: string,
): Promise<ChangedRights> {
  const due = new Map(rights.map((right) => [rightKey(right), right]));
  const present = await presentAcls(admin, topicPrefix);
  const missing = [...due].filter(([key]) => !present.has(key)).map(([, right]) => right);
  const surplus = [...present].filter(([key]) => !due.has(key)).map(([, acl]) => acl);
  if (missing.length > 0) await admin.createAcls({ creations: missing.map(aclOf) });
  if (surplus.length > 0) await admin.deleteAcls({ filters: surplus });
  const deadline = performance.now() + IN_FORCE_MS_MAX;
  while (!isSame(due, await presentAcls(admin, topicPrefix))) {
    if (performance.now() > deadline) throw new Error('the rights were given but the broker does not show them');
    await delay(IN_FORCE_POLL_MS);
  }
  return { given: missing.length, taken: surplus.length };
}

const isSame = (due: ReadonlyMap<string, unknown>, present: ReadonlyMap<string, unknown>): boolean =>
  due.size === present.size && [...due.keys()].every((key) => present.has(key));

const aclOf = ({ principal, operation, on, name }: KafkaRight): Acl => ({
  resourceType: RESOURCES[on],
  resourceName: name,
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal,
  host: '*',
  operation: OPERATIONS[operation],
  permissionType: AclPermissionTypes.ALLOW,
});

/**
 * What the services and clients without a name may do on this installation's topics and groups, and whether they may
 * describe the cluster, which installations with other prefixes share.
 */
async function presentAcls(admin: Admin, topicPrefix: string): Promise<ReadonlyMap<string, Acl>> {
  const principals = new Set([...BUS_SERVICES.map((service) => `User:${service}`), ANONYMOUS]);
  const names = new Map<number, (name: string) => boolean>([
    [RESOURCES.topic, namesOf(BUS_TOPICS.map((topic) => `${topicPrefix}${topic}`))],
    [RESOURCES.group, namesOf(BUS_SERVICES.map((service) => consumerGroup(service, topicPrefix)))],
    [RESOURCES.cluster, () => true],
  ]);
  const found = await admin.describeAcls({
    filter: {
      resourceType: ResourceTypes.ANY,
      resourceName: null,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: null,
      host: null,
      operation: AclOperations.ANY,
      permissionType: AclPermissionTypes.ALLOW,
    },
  });
  const acls = new Map<string, Acl>();
  for (const { resourceType, resourceName, acls: entries } of found) {
    if (names.get(resourceType)?.(resourceName) !== true) continue;
    for (const { principal, host, operation, permissionType } of entries) {
      if (!principals.has(principal)) continue;
      if (resourceType === RESOURCES.cluster && operation !== OPERATIONS.Describe) continue;
      const acl = {
        resourceType,
        resourceName,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal,
        host,
        operation,
      };
      acls.set(keyOf(acl), { ...acl, permissionType });
    }
  }
  return acls;
}

function namesOf(all: readonly string[]): (name: string) => boolean {
  const known = new Set(all);
  return (name) => known.has(name);
}

/** As `rightKey`, where the right is one that the table could have; else a text that no right has. */
function keyOf({ resourceType, resourceName, principal, host, operation }: Omit<Acl, 'permissionType'>): string {
  const on = (['topic', 'group', 'cluster'] as const).find((kind) => RESOURCES[kind] === resourceType);
  const named = (Object.keys(OPERATIONS) as KafkaRight['operation'][]).find((name) => OPERATIONS[name] === operation);
  if (on === undefined || named === undefined || host !== '*')
    return JSON.stringify([principal, operation, resourceType, resourceName, host]);
  return rightKey({ principal, operation: named, on, name: resourceName });
}
