-- Places holds, each once; one that is open already stays as it is. `hold_at` gives of each of the n holds its field, its
-- text and what stands there now, or nothing to leave it out.
local function place_new(n, hold_at)
  local holds, known = {}, {}
  for i = 1, n do
    local name, text, present = hold_at(i)
    if name and not present and not known[name] then
      known[name] = true
      put(name, text)
      holds[#holds + 1] = parse_hold(text)
    end
  end
  read({}, 0)
  for _, hold in ipairs(holds) do place(hold) end
end

