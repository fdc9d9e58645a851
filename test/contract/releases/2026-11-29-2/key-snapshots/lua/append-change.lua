-- Appends a change, or a heartbeat, to the stream.
-- KEYS: stream, sequence of changes of keys, sequence of changes of organisations.
-- ARGV: entries to keep; snapshot of a key (JSON) or empty; snapshot of an organisation (JSON) or empty. If both are
--   empty, the entry is a heartbeat.
-- Reply: the sequence of changes of keys.
-- A change of an organisation has a sequence of its own: gateways of the release before read its entry as a heartbeat.
local seq, organizations
if ARGV[2] == '' then seq = redis.call('GET', KEYS[2]) or '0' else seq = redis.call('INCR', KEYS[2]) end
if ARGV[3] == '' then
  organizations = redis.call('GET', KEYS[3]) or '0'
else
  organizations = redis.call('INCR', KEYS[3])
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'q', seq, 'j', ARGV[2], 'p', organizations, 'o', ARGV[3])
return seq
