-- KEYS[1] is not the hash of an organisation but the one of all that have refusals to tell.
-- ARGV: organisation, what was read of it. One that has refused since has another value, and stays.
if redis.call('HGET', KEY, ARGV[1]) == ARGV[2] then redis.call('HDEL', KEY, ARGV[1]) end
return 1
