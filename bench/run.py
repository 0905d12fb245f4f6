#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures mTLS gateways side by side on this machine.

    run.py quick                     nginx and sallyport, the scenarios that matter most, minutes
    run.py full [options]            every scenario, every server that is installed
    run.py instructions [options]    instructions per operation under callgrind, free of noise
    run.py table FILE                prints the table of an earlier run
    run.py list                      scenarios and servers

The main figure is the server's CPU time per operation: the CPU clocks of all its processes, read
while the generator waits before and after the counted operations. Pinned, the server has one
worker and the first processor; generator and backend share the second. Servers take turns within a
round, so that a slow minute of the machine hits all of them.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

from processes import Backend, Failed, Generator, Server, adapter, cpu_ns, cpu_ticks, memory_kb
from report import print_instructions, print_table
from scenarios import QUICK, SCENARIOS

HERE = pathlib.Path(__file__).resolve().parent
PEERS = ["nginx", "sallyport", "haproxy", "apache", "caddy", "hitch", "stunnel"]
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow".split()
PROGRAMS = {
    "backend": (["backend.c"], []),
    "http1_load": (["load/http1_load.c", "load/load.c"], ["-lssl", "-lcrypto"]),
    "http2_load": (["load/http2_load.c", "load/load.c"], ["-lnghttp2", "-lssl", "-lcrypto"]),
}

# ---- getting ready ------------------------------------------------------------------------------


def build(folder, programs):
    """The generators and the backend, compiled anew: it takes two seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs:
        sources, libraries = PROGRAMS[name]
        command = ["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", *WARNINGS, "-o", str(folder / name)]
        command += [str(HERE / source) for source in sources] + libraries
        subprocess.run(command, check=True)


def make_pki(folder, ec_clients, rsa_clients):
    command = [str(HERE / "pki.sh"), str(folder / "pki"), str(ec_clients), str(rsa_clients)]
    subprocess.run(command, check=True)


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def is_installed(server):
    return adapter(server, "version") != ""


def abilities(server):
    return adapter(server, "caps").split()


def describe_machine():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "kernel": platform.release(),
        "processor": model.group(1) if model else platform.machine(),
        "processors": os.cpu_count(),
    }


class Placement:
    """Which processor who runs on, and how many workers a server has."""

    def __init__(self, is_pinned):
        cpus = sorted(os.sched_getaffinity(0))
        self.pinned = is_pinned and len(cpus) > 1
        self.server, self.others = cpus[:2] if self.pinned else (None, None)
        self.workers = 1 if self.pinned else 2


# ---- one measurement ----------------------------------------------------------------------------


def measure_idle(generator, server, connections):
    pids = server.pids()
    before = memory_kb(pids)
    generator.expect("HOLD")
    time.sleep(0.5)
    after = memory_kb(server.pids())
    start = cpu_ns(pids)
    time.sleep(1)
    spent = cpu_ns(pids) - start
    said = json.loads(generator.finish())
    return {
        "handshakes": said["handshakes"],
        "resumed": said["resumed"],
        "kb_per_connection": (after - before) / connections,
        "base_kb": before,
        "idle_cpu_ms_per_s": spent / 1e6,
    }


def measure_operations(generator, server, scenario):
    generator.expect("READY")
    pids = server.pids()
    ticks, start = cpu_ticks(pids), cpu_ns(pids)
    generator.go_on()
    generator.expect("DONE")
    spent, ticks_after = cpu_ns(pids) - start, cpu_ticks(pids)
    result = json.loads(generator.finish())
    units = result["ops"] * (scenario.size / 1e6 if scenario.size else 1)
    user, system = (after - before for before, after in zip(ticks, ticks_after))
    result["cpu_us_per_op"] = spent / 1e3 / units
    result["system_share"] = system / (user + system) if user + system else 0
    return result


def measure(folder, scenario, operations, server, cpu):
    with Generator(folder, scenario, operations, server.port, cpu) as generator:
        if scenario.idle:
            return measure_idle(generator, server, operations)
        return measure_operations(generator, server, scenario)


# ---- all of them --------------------------------------------------------------------------------


def show_progress(text):
    if sys.stdout.isatty():
        print(f"{text:50}", end="\r", flush=True)


def run_scenario(options, place, name, servers, backend):
    """Yields one result a server and round, errors among them."""
    scenario = SCENARIOS[name]
    operations = max(int(scenario.operations * options.scale), 4)
    living = {}
    try:
        for number in range(options.rounds):
            for server in servers:
                show_progress(f"{name}, round {number + 1}, {server}")
                try:
                    if server not in living:
                        living[server] = Server(
                            server,
                            options.folder,
                            backend,
                            workers=place.workers,
                            log=scenario.log,
                            key=scenario.key,
                            cpu=place.server,
                        )
                    figures = measure(
                        options.folder, scenario, operations, living[server], place.others
                    )
                except (Failed, subprocess.TimeoutExpired) as failure:
                    figures = {"error": str(failure)}
                yield {"scenario": name, "server": server, "round": number, **figures}
                # Memory is measured from a fresh start; after an error nothing is trusted.
                if (scenario.idle or "error" in figures) and server in living:
                    living.pop(server).stop()
    finally:
        for server in living.values():
            server.stop()


def compare(options):
    place = Placement(not options.unpinned)
    names = [name for name in options.scenarios if name in SCENARIOS]
    result = {
        "when": time.strftime("%F %T"),
        "pinned": place.pinned,
        "rounds": options.rounds,
        "scale": options.scale,
        "machine": describe_machine(),
        "versions": {server: adapter(server, "version") for server in options.servers},
        "runs": [],
    }
    backend = Backend(options.folder, place.others)
    try:
        for name in names:
            needed = SCENARIOS[name].needs
            able = [s for s in options.servers if not needed or needed in abilities(s)]
            for run in run_scenario(options, place, name, able, backend):
                result["runs"].append(run)
    finally:
        backend.stop()
    print_table(result)
    save(options, result)
    return not any("error" in run for run in result["runs"])


def count_instructions(options, scenario, operations, server, backend):
    """All instructions of a server that lives for one run, in user mode. A confined server may not
    write callgrind's file when it ends; the log is open from the start, and says the sum too."""
    out = options.folder / "callgrind"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    out.chmod(0o777)
    wrap = f"valgrind --tool=callgrind --trace-children=yes --log-file={out}/log.%p"
    wrap += " --callgrind-out-file=/dev/null"
    running = Server(
        server,
        options.folder,
        backend,
        workers=1,
        log=scenario.log,
        key=scenario.key,
        cpu=None,
        wrap=wrap,
    )
    try:
        arguments = (options.folder, scenario, operations, running.port, None, ("--warm", "20"))
        with Generator(*arguments) as generator:
            generator.expect("READY")
            generator.go_on()
            generator.expect("DONE")
            generator.finish()
    finally:
        running.stop()
    sums = (re.findall(r"Collected : (\d+)", file.read_text()) for file in out.iterdir())
    total = sum(int(number) for found in sums for number in found)
    if total == 0:
        raise Failed(f"callgrind says nothing about {server}")
    return total


def instructions(options):
    """(instructions of 2n operations - of n operations) / n: what starting costs falls out."""
    result = {"when": time.strftime("%F %T"), "instructions": []}
    backend = Backend(options.folder, None)
    try:
        for name in options.scenarios:
            scenario = SCENARIOS[name]
            arguments = re.sub(r"-c \d+", "-c 1", re.sub(r"-k \d+", "-k 20", scenario.arguments))
            scenario = replace(scenario, arguments=arguments)
            count = 1000 if "keepalive" in name else 100
            for server in options.servers:
                once, twice = (
                    count_instructions(options, scenario, times * count, server, backend)
                    for times in (1, 2)
                )
                result["instructions"].append(
                    {"scenario": name, "server": server, "per_op": (twice - once) / count}
                )
    finally:
        backend.stop()
    print_instructions(result)
    save(options, result)
    return True


def save(options, result):
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nEvery run, as JSON: {options.json}")


# ---- the command line ---------------------------------------------------------------------------


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["quick", "full", "instructions", "table", "list"])
    parser.add_argument("file", nargs="?", help="of an earlier run, for 'table'")
    parser.add_argument("--folder", default=str(HERE.parent / "build/bench"))
    parser.add_argument("--json", help="where results go (bench/results/)")
    parser.add_argument("--servers", help="comma-separated")
    parser.add_argument("--scenarios", help="comma-separated")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--scale", type=float, help="of the numbers of operations")
    parser.add_argument("--clients", type=int, help="EC client certificates to make")
    parser.add_argument("--unpinned", action="store_true", help="two workers, no pinning")
    return parser.parse_args()


DEFAULTS = {
    "quick": dict(servers=PEERS[:2], scenarios=QUICK, rounds=3, scale=0.3, clients=200),
    "full": dict(servers=PEERS, scenarios=list(SCENARIOS), rounds=5, scale=1.0, clients=10000),
    "instructions": dict(
        servers=PEERS[:3], scenarios=["full", "resume", "keepalive-1"], rounds=1, scale=1.0,
        clients=200,
    ),
}  # fmt: skip


def settle(options):
    """Fills in what was not said, and leaves out what is not installed."""
    defaults = DEFAULTS[options.command]
    for name in ("rounds", "scale", "clients"):
        if getattr(options, name) is None:
            setattr(options, name, defaults[name])
    for name in ("servers", "scenarios"):
        said = getattr(options, name)
        setattr(options, name, said.split(",") if said else defaults[name])
    unknown = [name for name in options.scenarios if name not in SCENARIOS]
    if unknown:
        sys.exit(f"no such scenario: {', '.join(unknown)}")
    missing = [server for server in options.servers if not is_installed(server)]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")
        options.servers = [server for server in options.servers if server not in missing]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    options.json = pathlib.Path(
        options.json or HERE / "results" / f"{stamp}-{options.command}.json"
    ).resolve()
    options.folder = pathlib.Path(options.folder).resolve()


def prepare(options):
    used = {SCENARIOS[name].generator for name in options.scenarios}
    build(options.folder, ["backend", *sorted(used)])
    make_pki(options.folder, options.clients, 20)
    limit = raise_file_limit()
    idle = max((SCENARIOS[n].operations * options.scale for n in options.scenarios
                if SCENARIOS[n].idle), default=0)  # fmt: skip
    if limit < 2.2 * idle:
        sys.exit(f"{limit} open files are allowed; 'idle' needs {2.2 * idle:.0f} (ulimit -n)")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    options = parse_arguments()
    if options.command == "list":
        for name, scenario in SCENARIOS.items():
            print(f"{name:14} {scenario.text}")
        print("servers:", " ".join(sorted(file.stem for file in (HERE / "servers").glob("*.sh"))))
        return 0
    if options.command == "table":
        print_table(json.loads(pathlib.Path(options.file).read_text()))
        return 0
    settle(options)
    prepare(options)
    run = instructions if options.command == "instructions" else compare
    return 0 if run(options) else 1


if __name__ == "__main__":
    sys.exit(main())
