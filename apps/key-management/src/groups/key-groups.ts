import { demandGrant, reachOf } from '../keys/grant-key/key-givers.js';
import type { KeyGiver } from '@tollgate/access';
import { Problem } from '@tollgate/http';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { GROUPS_OF_KEY_MAX } from './group.js';

/**
 * The key in one more group; null if it is in it. `giver` is who puts it there: an API key only gives groups that it is
 * in itself.
 * @throws {Problem} `access_denied`; `group_limit_reached` if the key is in as many as it may be; `conflict` if it has
 * been revoked, since nothing opens a route to it any more
 */
export function joined(key: ApiKey, groupId: string, giver: KeyGiver | null): ApiKey | null {
  if (key.groupIds.includes(groupId)) return null;
  const [before, after] = [
    { ...reachOf(key), groupIds: [] },
    { ...reachOf(key), groupIds: [groupId] },
  ];
  demandGrant(giver, after, before);
  if (key.revocation !== null)
    throw new Problem('conflict', {
      detail: 'The key has been revoked, which is final. Make a new key for the group.',
    });
  if (key.groupIds.length >= GROUPS_OF_KEY_MAX)
    throw new Problem('group_limit_reached', {
      detail: `A key may be in ${GROUPS_OF_KEY_MAX} groups. Take it out of another one, or give the routes to a group that it is in.`,
    });
  return { ...key, version: key.version + 1, groupIds: [...key.groupIds, groupId].sort() };
}

/**
 * The key out of a group; null if it is not in it. A key that has ended can leave too.
 * @throws {Problem} `access_denied` if `giver` may not change what the key may reach
 */
export function left(key: ApiKey, groupId: string, giver: KeyGiver | null): ApiKey | null {
  if (!key.groupIds.includes(groupId)) return null;
  demandGrant(giver, { ...reachOf(key), groupIds: [] }, { ...reachOf(key), groupIds: [groupId] });
  return { ...key, version: key.version + 1, groupIds: key.groupIds.filter((each) => each !== groupId) };
}
