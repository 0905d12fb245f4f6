# SPDX-License-Identifier: Apache-2.0
"""What is measured: a scenario is a generator's arguments, a number of operations, and what the
server must be able to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    text: str
    arguments: str
    operations: int
    needs: str = ""  # a word of the adapter's `caps`
    generator: str = "http1_load"
    key: str = "ec"  # of the server's certificate and of the clients': ec | rsa
    log: bool = False
    size: int = 0  # of a body; the unit is then a megabyte, not an operation
    idle: bool = False  # memory of connections that do nothing

    @property
    def unit(self):
        return "MB" if self.size else "op"

    def generator_arguments(self, operations):
        words = self.arguments.split() + ["-n", str(operations)]
        if self.size:
            words += ["--size", str(self.size)]
        if self.idle:
            words += ["-c", str(operations)]
        return words


MIB = 1 << 20

SCENARIOS = {
    "full": Scenario("full TLS 1.3 handshake + GET, P-256, 100 clients", "full -c 16 -k 100", 3000),
    "full-k1": Scenario("the same, 1 client", "full -c 16 -k 1", 3000),
    "full-k10000": Scenario(
        "the same, 10,000 clients, each once", "full -c 16 -k 10000", 10000
    ),
    "full12": Scenario(
        "full TLS 1.2 handshake + GET, P-256", "full -c 16 -k 100 --tls 1.2", 3000
    ),
    "full-rsa": Scenario(
        "full TLS 1.3 handshake + GET, RSA-2048 server and 20 clients",
        "full -c 16 -k 20",
        1500,
        key="rsa",
    ),
    "full-log": Scenario(
        "full, with a JSON access log", "full -c 16 -k 100", 3000, needs="log", log=True
    ),
    "resume": Scenario(
        "resumed TLS 1.3 handshake + GET", "resume -c 16 -k 100", 6000, needs="resume"
    ),
    "resume12": Scenario(
        "resumed TLS 1.2 handshake + GET", "resume -c 16 -k 100 --tls 1.2", 6000, needs="resume"
    ),
    "keepalive": Scenario("1 KB GETs on 64 open connections", "keepalive -c 64 -k 64", 100000),
    "keepalive-1": Scenario("1 KB GETs on one open connection", "keepalive -c 1", 15000),
    "keepalive-log": Scenario(
        "keepalive, with a JSON access log", "keepalive -c 64 -k 64", 100000, needs="log", log=True
    ),
    "h2": Scenario(
        "HTTP/2 1 KB GETs, 8 connections x 16 streams",
        "-c 8 -m 16",
        80000,
        needs="h2",
        generator="http2_load",
    ),
    "download": Scenario("64 MB bodies, 4 connections", "download -c 4", 16, size=64 * MIB),
    "upload": Scenario("64 MB request bodies, 4 connections", "upload -c 4", 16, size=64 * MIB),
    "rate": Scenario(
        "open loop, 5,000 GETs a second on 64 connections", "rate -c 64 --rate 5000 -k 64", 25000
    ),
    "idle": Scenario("memory of idle connections after one GET", "idle", 5000, idle=True),
    "idle-resumed": Scenario(
        "the same, nearly all of them resumed",
        "idle-resumed -k 20",
        5000,
        needs="resume",
        idle=True,
    ),
}

QUICK = "full full12 resume resume12 keepalive keepalive-1 download upload idle".split()
