"""FASTSim's powertrain over HWFET at 1 Hz without history, as one JSON object.

Usage: fastsim_walk.py SCRATCH

A conventional vehicle with the numbers of FASTSim 2's line-haul truck (`Line_Haul_Conv.csv`, 32 t): its library
for version 3 has passenger cars only. Only `walk()`, which is Rust, is timed, by processor time of its thread;
objects are made beforehand, and the first walks are not counted. A walk that did not do the whole cycle ends it.
"""

import json
import time
import warnings

warnings.simplefilter("ignore")
import fastsim  # noqa: E402

WARM_UP_S, MEASURED_S = 0.3, 2.0
CHASSIS = dict(
    drag_coef=0.546, frontal_area_square_meters=10.4, wheel_rr_coef=0.0061, num_wheels=18,
    wheel_radius_meters=0.506, wheel_inertia_kilogram_square_meters=10.0, drive_type="RWD",
    glider_mass_kilograms=None, cargo_mass_kilograms=None, cg_height_meters=1.5, wheel_base_meters=6.0,
)
ENGINE = dict(pwr_out_max_watts=331e3, pwr_out_max_init_watts=165e3, pwr_ramp_lag_seconds=2.0)
# Efficiency over the share of full power, as FASTSim 2 has for heavy diesels.
EFFICIENCY = {
    0.0: 0.08, 0.005: 0.10, 0.015: 0.14, 0.04: 0.20, 0.06: 0.23, 0.1: 0.28,
    0.14: 0.31, 0.2: 0.34, 0.4: 0.39, 0.6: 0.39, 0.8: 0.38, 1.0: 0.37,
}
DIESEL_J_PER_L = 35.7e6


def truck():
    parts = fastsim.Vehicle.from_resource("2012_Ford_Fusion.yaml").to_dict()
    parts.update(name="line haul", mass_kilograms=31978.0, pwr_aux_base_watts=3500.0)
    chassis, line = parts["chassis"], parts["pt_type"]["Conv"]
    chassis.update(CHASSIS)
    for part in (line, line["fc"], line["fs"], line["transmission"], chassis):
        if "mass_kilograms" in part:
            part["mass_kilograms"] = None
    line["fc"].update(ENGINE)
    curve = line["fc"]["eff_interp_from_pwr_out"]["data"]
    curve["grid"][0]["data"], curve["values"]["data"] = list(EFFICIENCY), list(EFFICIENCY.values())
    line["transmission"]["eff_interp"] = 0.97
    line["dfco_cntrl"]["dfco_enabled"] = True  # no fuel on over-run, as in ours
    vehicle = fastsim.Vehicle.from_dict(parts)
    vehicle.set_save_interval(None)
    return vehicle


def main() -> None:
    cycle = fastsim.Cycle.from_resource("hwfet.csv")
    speeds = cycle.to_dict()["speed_meters_per_second"]
    base = fastsim.SimDrive(truck(), cycle).to_dict()
    base["sim_params"]["trace_miss_opts"] = "Allow"  # 32 t may fall behind a car's cycle

    def walks(seconds: float):
        count, spent_s = 0, 0.0
        while spent_s < seconds:
            drive = fastsim.SimDrive.from_dict(base)
            began = time.thread_time()
            drive.walk()
            spent_s += time.thread_time() - began
            count += 1
        return count / spent_s, drive

    walks(WARM_UP_S)
    rate, drive = walks(MEASURED_S)
    state = drive.to_dict()["veh"]
    metres, steps = state["state"]["dist_meters"], len(speeds) - 1
    assert state["state"]["i"] == steps and metres > 0.95 * sum(speeds), "a walk was cut short"
    joules = state["pt_type"]["Conv"]["fc"]["state"]["energy_fuel_joules"]
    print(json.dumps({
        "steps_per_cpu_s": rate * steps,
        "metres": metres,
        "l_per_100km": joules / DIESEL_J_PER_L / metres * 1e5,
        "speeds_mps": list(speeds),
    }))


main()
