import type { CacheMark } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault } from '../fault.js';
import { isObject } from '../fields.js';

/** The mark of `cache_control` as a field to spread; nothing if there is none. `path` is that of the marked object. */
export function readCacheMark(marked: JsonObject, path: string): { readonly cache?: CacheMark } | Fault {
  const mark = marked['cache_control'];
  if (mark === undefined || mark === null) return {};
  const ttl = isObject(mark) && mark['type'] === 'ephemeral' ? (mark['ttl'] ?? '5m') : null;
  if (ttl !== '5m' && ttl !== '1h')
    return fault(`${path}.cache_control`, 'A cache mark has the type ephemeral and a ttl of 5m or 1h.');
  return { cache: { ttl } };
}

/** `cache_control` as a field to spread. Marks stay where the caller has set them: none is added, moved or dropped. */
export function writeCacheMark(cache: CacheMark | undefined): JsonObject {
  if (cache === undefined) return {};
  return { cache_control: cache.ttl === '5m' ? { type: 'ephemeral' } : { type: 'ephemeral', ttl: cache.ttl } };
}
