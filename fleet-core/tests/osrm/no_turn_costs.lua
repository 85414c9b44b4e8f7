-- OSRM's car profile as the built-in router counts: a turn costs nothing, and the fastest way is
-- chosen by thousandths of a second (times stay rounded to tenths per edge).
local car = require('car')
local setup, process_way = car.setup, car.process_way

car.setup = function()
  local profile = setup()
  profile.properties.weight_name = 'time'
  profile.properties.weight_precision = 3
  return profile
end

car.process_way = function(profile, way, result, relations)
  process_way(profile, way, result, relations)
  -- Metres a second: the weight of a road is its length by this.
  if result.forward_speed > 0 then result.forward_rate = result.forward_speed / 3.6 end
  if result.backward_speed > 0 then result.backward_rate = result.backward_speed / 3.6 end
end

car.process_turn = function(profile, turn)
  turn.duration = 0
  turn.weight = 0
end

return car
