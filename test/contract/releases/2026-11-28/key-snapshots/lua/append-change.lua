-- KEYS: stream, sequence. ARGV: snapshot (JSON), empty for a heartbeat; entries to keep.
local seq
if ARGV[1] == '' then seq = redis.call('GET', KEYS[2]) or '0' else seq = redis.call('INCR', KEYS[2]) end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'q', seq, 'j', ARGV[1])
return seq
