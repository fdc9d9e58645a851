-- Adds what the ledger charged without holds, and notes for which versions of their limits accounts are loaded.
-- ARGV: storeId, n, ("a:ACCOUNT", "l:ACCOUNT", "g:LIMIT" or "", unheld, generation)…
-- Reply: 1 if it was taken, 0 if no epoch of this store id is open.
local n = tonumber(ARGV[2])
local names = { 'e' }
for i = 0, n - 1 do
  local at = 3 + i * 5
  account_of(ARGV[at])
  names[2 + i * 2] = ARGV[at + 1]
  names[3 + i * 2] = ARGV[at + 2]
end
local values = read(names, 1 + n * 2)
local mark = ARGV[1] .. '|'
if not values[1] or sub(values[1], 1, #mark) ~= mark then return 0 end
local loads, limits = {}, {}
for i = 0, n - 1 do
  local at = 3 + i * 5
  local account, name, limit = account_of(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
  local unheld, generation = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local load = loads[name] or parse_pair(values[2 + i * 2])
  loads[name] = load
  if unheld > load[2] then
    book(account, unheld - load[2], 0)
    load[2] = unheld
  end
  load[1] = max(load[1], generation)
  put(name, format('%d|%d', load[1], load[2]))
  if limit ~= '' then
    limits[limit] = limits[limit] or parse_pair(values[3 + i * 2])[1]
    if generation > limits[limit] then
      limits[limit] = generation
      put(limit, format('%d|%d', generation, now_ms()))
    end
  end
end
save({}, 0)
return 1
