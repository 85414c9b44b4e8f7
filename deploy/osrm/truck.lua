-- A loaded truck on real OpenStreetMap data: OSRM's car profile with a truck's size, and no faster
-- than trucks go. To be placed beside car.lua, whose lib/ it needs.
--
-- The network of this repository needs none of it: its export carries truck speeds as maxspeed and
-- goes with car.lua as it is.
local car = require('car')
local setup = car.setup

car.setup = function()
  local profile = setup()
  profile.vehicle_height = 3.8 -- m; the legal maximum in India is 4.0 m for loads
  profile.vehicle_width = 2.6 -- m, Central Motor Vehicles Rules 1989, rule 93
  profile.vehicle_length = 12.0 -- m, the same, for rigid trucks
  profile.vehicle_weight = 25500 -- kg, a 6x2 rigid truck
  profile.vehicle_max_speed = 60 -- km/h
  -- Ways that trucks avoid or may not use: OSM's words for goods vehicles come before cars'.
  profile.access_tags_hierarchy = Sequence { 'hgv', 'goods', 'motorcar', 'motor_vehicle', 'vehicle', 'access' }
  profile.restrictions = Sequence { 'hgv', 'motorcar', 'motor_vehicle', 'vehicle' }
  return profile
end

return car
