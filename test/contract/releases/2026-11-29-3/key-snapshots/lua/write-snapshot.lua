-- Stores a snapshot unless a newer one is stored under the same store id.
-- KEYS: the snapshot's key. ARGV: version, storeId, snapshot (JSON), 1 to store only if there is none.
-- Reply: 1 if it was stored, or a snapshot that is not newer was left in place; 0 if a newer one is there.
local stands = redis.call('HMGET', KEYS[1], 'v', 's')
if stands[1] and stands[2] == ARGV[2] then
  local version = tonumber(stands[1])
  if version > tonumber(ARGV[1]) then return 0 end
  if version == tonumber(ARGV[1]) or ARGV[4] == '1' then return 1 end
end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2], 'j', ARGV[3])
return 1
