"""FASTSim's powertrain over HWFET at 1 Hz without history, as one JSON object.

Usage: fastsim_walk.py SCRATCH

A conventional car of its library with mass, area, drag, tyres and power of a truck of 36 t. Only
`walk()`, which is Rust, is timed; objects are made beforehand. It may miss the cycle's speed, as any
truck of 36 t does.
"""

import json
import time
import warnings

warnings.simplefilter("ignore")
import fastsim  # noqa: E402

CHASSIS = dict(
    drag_coef=0.65, frontal_area_square_meters=9.0, wheel_rr_coef=0.0065, num_wheels=18,
    wheel_radius_meters=0.5, glider_mass_kilograms=None, cargo_mass_kilograms=None,
    cg_height_meters=1.5, wheel_base_meters=6.0,
)
ENGINE = dict(pwr_out_max_watts=330e3, pwr_out_max_init_watts=55e3, pwr_ramp_lag_seconds=2.0)


def truck():
    parts = fastsim.Vehicle.from_resource("2012_Ford_Fusion.yaml").to_dict()
    parts["name"], parts["mass_kilograms"] = "truck of 36 t", 36000.0
    chassis, line = parts["chassis"], parts["pt_type"]["Conv"]
    chassis.update(CHASSIS)
    for part in (line, line["fc"], line["fs"], line["transmission"], chassis):
        if "mass_kilograms" in part:
            part["mass_kilograms"] = None
    line["fc"].update(ENGINE)
    vehicle = fastsim.Vehicle.from_dict(parts)
    vehicle.set_save_interval(None)
    return vehicle


def main() -> None:
    cycle = fastsim.Cycle.from_resource("hwfet.csv")
    speeds = cycle.to_dict()["speed_meters_per_second"]
    base = fastsim.SimDrive(truck(), cycle).to_dict()
    base["sim_params"]["trace_miss_opts"] = "Allow"
    steps, spent_s = 0, 0.0
    while spent_s < 1.0:
        drive = fastsim.SimDrive.from_dict(base)
        began = time.thread_time()
        drive.walk()
        spent_s += time.thread_time() - began
        steps += len(speeds) - 1
    state = drive.to_dict()["veh"]
    litres = state["pt_type"]["Conv"]["fc"]["state"]["energy_fuel_joules"] / 35.8e6
    km = state["state"]["dist_meters"] / 1000
    print(json.dumps({
        "steps_per_cpu_s": steps / spent_s,
        "l_per_100km": litres / km * 100,
        "speeds_mps": list(speeds),
    }))


main()
