-- KEYS: the snapshot's key. ARGV: version, storeId, snapshot (JSON), 1 to store only where nothing stands.
-- Reply: 1 stored, or the same version stands there; 0 where a newer one stands.
local stands = redis.call('HMGET', KEYS[1], 'v', 's')
if stands[1] and stands[2] == ARGV[2] then
  local version = tonumber(stands[1])
  if version > tonumber(ARGV[1]) then return 0 end
  if version == tonumber(ARGV[1]) or ARGV[4] == '1' then return 1 end
end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2], 'j', ARGV[3])
return 1
