-- Forgets refusals that were told. ARGV: what was read of xu: what came since stands behind it.
-- Nothing is changed if another process has forgotten any of it meanwhile: that is read and told again, which tells
-- nobody anything new.
local untold = redis.call('HGET', KEY, 'xu')
if not untold or sub(untold, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
if #untold == #ARGV[1] then redis.call('HDEL', KEY, 'xu') else redis.call('HSET', KEY, 'xu', sub(untold, #ARGV[1] + 1)) end
return 1
