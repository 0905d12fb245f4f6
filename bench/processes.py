# SPDX-License-Identifier: Apache-2.0
"""The three parties of a run, each a process of ours: the backend, the server under test, and the
load generator. Nothing is found or ended by name: only what was started here."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 20
STOP_SECONDS = 20


class Failed(Exception):
    """A server or a generator did not do what it should; the run does not count."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=START_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Failed("ended at its start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failed(f"does not listen on port {port}")


def pinned(command, cpu):
    return command if cpu is None else ["taskset", "-c", str(cpu), *command]


# ---- what a process and its descendants use -----------------------------------------------------


def family(pid):
    """The process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            stat = pathlib.Path(f"/proc/{int(entry)}/stat").read_text()
            parent = int(stat.rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(entry))
    members, ahead = [], [pid]
    while ahead:
        member = ahead.pop()
        members.append(member)
        ahead += children.get(member, [])
    return members


def cpu_ns(pids):
    """The processes' CPU clocks, with threads that have ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += time.clock_gettime_ns((~pid << 3) | 2)
    return total


def cpu_ticks(pids):
    """(user, system), coarse: good enough for the share of each."""
    user = system = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            user += int(fields[11])
            system += int(fields[12])
    return user, system


def memory_kb(pids):
    """Proportional set size."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return total


# ---- the parties --------------------------------------------------------------------------------


class Backend:
    def __init__(self, folder, cpu):
        self.port = free_port()
        self.process = subprocess.Popen(pinned([str(folder / "backend"), str(self.port)], cpu))
        wait_for_port(self.port, self.process)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def adapter(name, command, **environment):
    """What servers/NAME.sh says to COMMAND."""
    run = subprocess.run(
        [str(HERE / "servers" / f"{name}.sh"), command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip()


class Server:
    """A server under test, started by its adapter."""

    def __init__(self, name, folder, backend, *, workers, log, key, cpu, wrap=""):
        self.name = name
        self.port = free_port()
        self.work = folder / "work" / name
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.work.chmod(0o777)  # some servers give up root before they write
        environment = {
            **os.environ,
            "WORK": str(self.work),
            "PKI": str(folder / "pki"),
            "PORT": str(self.port),
            "BACKEND": str(backend.port),
            "WORKERS": str(workers),
            "LOG": "1" if log else "0",
            "KEYTYPE": key,
            "WRAP": wrap,
        }
        with open(self.work / "stdout", "wb") as out, open(self.work / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                pinned([str(HERE / "servers" / f"{name}.sh"), "run"], cpu),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        try:
            wait_for_port(self.port, self.process, 60 if wrap else START_SECONDS)
        except Failed as failure:
            self.stop()
            words = (self.work / "stderr").read_text(errors="replace").strip()[-300:]
            raise Failed(f"{failure}: {words}") from None
        time.sleep(1.0 if wrap else 0.3)  # workers are forked after the port is open

    def pids(self):
        return family(self.process.pid)

    def stop(self):
        pids = self.pids()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()


class Generator:
    """A load generator, which stops at agreed points until it is told to go on."""

    def __init__(self, folder, scenario, operations, port, cpu, extra=()):
        command = [str(folder / scenario.generator), *scenario.generator_arguments(operations)]
        command += ["--port", str(port), "--ca", str(folder / "pki/root.crt"), "--sync"]
        command += ["--certs", str(folder / f"pki/clients-{scenario.key}"), *extra]
        self.process = subprocess.Popen(
            pinned(command, cpu),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            self.process.kill()
            words = self.process.stderr.read().strip()[:300]
            raise Failed(f"the generator said {line!r} instead of {word}: {words}")

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self):
        """The last line it says."""
        self.go_on()
        out, err = self.process.communicate(timeout=120)
        if self.process.returncode != 0:
            raise Failed(err.strip()[:300])
        return out.strip().splitlines()[-1]
