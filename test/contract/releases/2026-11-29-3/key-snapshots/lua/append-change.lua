-- Appends a change, or a heartbeat, to the stream.
-- KEYS: stream, sequence of changes of keys, sequence of changes of organisations, note that there are imported keys.
-- ARGV: entries to keep; snapshot of a key (JSON) or empty; snapshot of an organisation (JSON) or empty; whether there
--   are imported keys (1, 0, or empty where that is not said). If both snapshots are empty, the entry is a heartbeat.
-- Reply: the sequence of changes of keys.
-- A change of an organisation has a sequence of its own: gateways of the release before read its entry as a heartbeat.
local seq, organizations
if ARGV[2] == '' then seq = redis.call('GET', KEYS[2]) or '0' else seq = redis.call('INCR', KEYS[2]) end
if ARGV[3] == '' then
  organizations = redis.call('GET', KEYS[3]) or '0'
else
  organizations = redis.call('INCR', KEYS[3])
end
-- One process can know of imported keys before another does: who knows of none does not overrule who knows of some.
local imported = ARGV[4]
if imported == '1' then
  redis.call('SET', KEYS[4], '1', 'PX', 10000)
elseif imported == '0' and redis.call('EXISTS', KEYS[4]) == 1 then
  imported = '1'
end
-- The id of an entry never goes back, but the clock of the server can: a reader takes an entry's age from this time.
local now = redis.call('TIME')
local at = now[1] .. string.format('%03d', math.floor(tonumber(now[2]) / 1000))
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'q', seq, 'j', ARGV[2], 'p', organizations, 'o', ARGV[3],
  't', at, 'i', imported)
return seq
