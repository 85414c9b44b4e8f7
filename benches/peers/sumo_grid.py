"""SUMO, headless, one core: vehicle-steps per second of processor time, as one JSON object.

Usage: sumo_grid.py SCRATCH plain|records TRUCKS

A grid of 20 x 20 crossings, two lanes, 1 km apart; every truck departs at 0 s on a random walk that
outlasts the run; steps of 1 s. `records` adds HBEFA3 emissions of every truck and a record of each
truck and step, written to nowhere. The time of loading, and of the first step that puts all trucks
on the road, is measured apart and subtracted.
"""

import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import sumo

GRID, EDGE_M, STEPS = 20, 1000, 200
EXTRA = {
    "plain": [],
    "records": ["--device.emissions.probability", "1", "--fcd-output", "/dev/null"],
}


def node(i: int, j: int) -> str:
    return f"{chr(65 + i)}{j}"


def walk(rng: random.Random, hops: int) -> list[str]:
    i, j = rng.randrange(GRID), rng.randrange(GRID)
    before, edges = None, []
    while len(edges) < hops:
        ways = [
            (i + a, j + b)
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))
            if 0 <= i + a < GRID and 0 <= j + b < GRID and (i + a, j + b) != before
        ]
        to = rng.choice(ways)
        edges.append(node(i, j) + node(*to))
        before, (i, j) = (i, j), to
    return edges


def routes(path: Path, trucks: int) -> None:
    rng = random.Random(7)
    hops = STEPS * 25 // EDGE_M + 3
    lines = [
        '<routes><vType id="t" vClass="truck" length="12" maxSpeed="25"'
        ' emissionClass="HBEFA3/HDV_D_EU6"/>'
    ]
    for number in range(trucks):
        edges = " ".join(walk(rng, hops))
        lines.append(
            f'<vehicle id="{number}" type="t" depart="0" departPos="random" departLane="random"'
            f' departSpeed="max"><route edges="{edges}"/></vehicle>'
        )
    path.write_text("\n".join([*lines, "</routes>"]))


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    scratch, variant, trucks = Path(sys.argv[1]) / "sumo", sys.argv[2], int(sys.argv[3])
    scratch.mkdir(exist_ok=True)
    tools = Path(sumo.SUMO_HOME) / "bin"
    network, plan = scratch / "grid.net.xml", scratch / f"{trucks}.rou.xml"
    if not network.exists():
        options = f"--grid --grid.number {GRID} --grid.length {EDGE_M} -L 2 -j priority -S 25"
        command = [tools / "netgenerate", *options.split(), "--no-turnarounds", "true"]
        subprocess.run([*command, "-o", network], check=True, stdout=subprocess.DEVNULL)
    if not plan.exists():
        routes(plan, trucks)

    def run(end: int) -> float:
        options = (
            f"--begin 0 --end {end} --step-length 1 --no-warnings true --no-step-log true"
            " --time-to-teleport -1 --seed 7"
        )
        command = [tools / "sumo", "-n", network, "-r", plan, *options.split(), *EXTRA[variant]]
        before = cpu_s()
        environment = {**os.environ, "SUMO_HOME": sumo.SUMO_HOME}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return cpu_s() - before

    idle_s = run(1)
    spent_s = run(STEPS) - idle_s
    print(json.dumps({"steps_per_cpu_s": trucks * (STEPS - 1) / spent_s}))


main()
