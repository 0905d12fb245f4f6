# SPDX-License-Identifier: Apache-2.0
"""Results as tables: medians with their spread, and the ratio to nginx of the same run."""

import statistics

from scenarios import SCENARIOS

BASE = "nginx"


def main_figure(scenario):
    return "kb_per_connection" if scenario.idle else "cpu_us_per_op"


def columns(scenario):
    if scenario.idle:
        return ["KB/conn", "min", "max", f"x {BASE}", "base KB"]
    rate = "MB/s" if scenario.size else "op/s"
    resumed = ["resumed"] if scenario.needs == "resume" else []
    head = [f"us/{scenario.unit}", "min", "max", f"x {BASE}", "sys %", rate]
    return head + ["p50 us", "p99 us", *resumed]


def row(scenario, runs, base):
    def median(value):
        return statistics.median(value(run) for run in runs)

    figures = [run[main_figure(scenario)] for run in runs]
    middle = statistics.median(figures)
    ratio = f"{middle / base:.2f}" if base else "-"
    cells = [f"{middle:.2f}", f"{min(figures):.2f}", f"{max(figures):.2f}", ratio]
    if scenario.idle:
        return cells + [f"{median(lambda run: run['base_kb']):.0f}"]
    rate = "mb_per_s" if scenario.size else "ops_per_s"
    cells.append(f"{100 * median(lambda run: run['system_share']):.0f}")
    cells.append(f"{median(lambda run: run[rate]):.0f}")
    for percentile in ("p50", "p99"):
        cells.append(f"{median(lambda run, p=percentile: run['lat_us'][p]):.0f}")
    if scenario.needs == "resume":
        share = median(lambda run: run["resumed"] / max(run["handshakes"], 1))
        cells.append(f"{100 * share:.0f}%")
    return cells


def scenario_lines(result, name):
    scenario = SCENARIOS[name]
    runs = [run for run in result["runs"] if run["scenario"] == name]
    servers = list(dict.fromkeys(run["server"] for run in runs))
    good = {
        server: [run for run in runs if run["server"] == server and "error" not in run]
        for server in servers
    }
    figure = main_figure(scenario)
    base = None
    if good.get(BASE):
        base = statistics.median(run[figure] for run in good[BASE])
    yield ""
    yield f"{name}: {scenario.text}"
    yield "  " + "".join([f"{'':12}"] + [f"{head:>10}" for head in columns(scenario)])
    for server in servers:
        if good[server]:
            cells = "".join(f"{cell:>10}" for cell in row(scenario, good[server], base))
        else:
            cells = "  failed: " + next(run["error"] for run in runs if run["server"] == server)
        yield f"  {server:12}{cells}"


def print_table(result):
    how = "pinned, one worker" if result["pinned"] else "not pinned, two workers"
    print(f"\nServer CPU time per operation, medians of {result['rounds']} rounds, {how}.")
    for name in dict.fromkeys(run["scenario"] for run in result["runs"]):
        for line in scenario_lines(result, name):
            print(line)


def print_instructions(result):
    print("\nInstructions in user mode per operation.")
    for entry in result["instructions"]:
        print(f"  {entry['scenario']:14}{entry['server']:12}{entry['per_op']:>12.0f}")
