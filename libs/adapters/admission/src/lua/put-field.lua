-- Sets a field of a hash. ARGV: field, value, then the seconds after which the hash is deleted, if it ever is.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return 1
