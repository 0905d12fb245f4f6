#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that a request, with what it says of its client, was written by the gateway.

An HTTP Message Signature (RFC 9421) with the tag "sallyport". Needs nothing but Python; for
ecdsa-p256-sha256, which its library does not have, the openssl command.

    checker = SignatureChecker({"gateway": ("hmac-sha256", secret)})
    verification, identity = checker.check("GET", "/orders?id=1", [("Host", "a.example"), ...])

raises SignatureError. Only what is in `identity` may be believed. As a command it reads requests
as lines of JSON, {"method", "target", "headers": [[name, value], ...], "now"}:

    check_signature.py KEYID ALGORITHM KEYFILE < requests
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import subprocess
import sys
import tempfile
import time

LABEL = "sallyport"
DERIVED = ("@method", "@authority", "@request-target")
VERIFICATION = "x-client-cert-verification"
LIFETIME_MAX = 60

# Names under which a backend may look for an identity; add those of your configuration.
IDENTITY_FAMILIES = (
    *("client-cert", "x-client-cert", "x-arr-", "ssl-client-", "x-ssl-client-"),
    *("x-forwarded-client-cert", "x-forwarded-tls-client-cert", "x-amzn-mtls-"),
)

KEY = r"[a-z*][a-z0-9_\-.*]*"
STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
ITEM = rf"(?:{STRING}|:[A-Za-z0-9+/=]*:|[A-Za-z0-9!#$%&'*+\-.^_`|~:/?]+)"
PARAMETERS = rf"(?:; *{KEY}(?:={ITEM})?)*"
INNER = rf"\( *(?:{ITEM}{PARAMETERS}(?: +{ITEM}{PARAMETERS})*)? *\)"
MEMBER = re.compile(rf"({KEY})(?:=({INNER}|{ITEM}))?({PARAMETERS})")
COMMA = re.compile(r"[ \t]*(?:,[ \t]*(?=.)|\Z)")


class SignatureError(Exception):
    """Why a request is not to be believed."""


def demand(condition, reason):
    if not condition:
        raise SignatureError(reason)


def fold(name):
    """A backend may take one for the other."""
    return re.sub(r"[^a-z0-9]", "-", name.lower())


def parse_dictionary(text):
    members = []
    at = 0
    while at < len(text):
        found = MEMBER.match(text, at)
        demand(found, "malformed")
        members.append((found[1], found[2] or "", found[3]))
        comma = COMMA.match(text, found.end())
        demand(comma, "malformed")
        at = comma.end()
    return members


def parse_parameters(text):
    parameters = {}
    for key, value in re.findall(rf"; *({KEY})=?({ITEM})?", text):
        demand(key not in parameters, "malformed")
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        parameters[key] = value
    return parameters


def parse_components(text):
    """Names in quotes, without parameters of their own."""
    demand(re.fullmatch(r'\((?:"[!-~]+"(?: "[!-~]+")*)?\)', text), "malformed")
    return re.findall(r'"([^"]+)"', text)


def parse_time(text):
    demand(re.fullmatch(r"[0-9]{1,12}", text or ""), "malformed")
    return int(text)


def der_integer(octets):
    octets = octets.lstrip(b"\0") or b"\0"
    if octets[0] & 0x80:
        octets = b"\0" + octets
    return bytes((2, len(octets))) + octets


def verify_ecdsa(public_key, base, signature):
    """The two numbers as openssl wants them."""
    if len(signature) != 64:
        return False
    numbers = der_integer(signature[:32]) + der_integer(signature[32:])
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as file:
        key.write(public_key)
        key.flush()
        file.write(bytes((0x30, len(numbers))) + numbers)
        file.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", key.name, "-signature", file.name]
        return subprocess.run(command, input=base, capture_output=True).returncode == 0


def verify(algorithm, key, base, signature):
    if algorithm == "hmac-sha256":
        expected = hmac.new(key, base, hashlib.sha256).digest()
        return hmac.compare_digest(expected, signature)
    return algorithm == "ecdsa-p256-sha256" and verify_ecdsa(key, base, signature)


class SignatureChecker:
    """`keys`: keyid to (algorithm, PEM of the public key or octets of the secret)."""

    def __init__(self, keys, scheme="http", names=(), verification=VERIFICATION, skew=2,
                 nonce_max=1_000_000):
        self.keys = keys
        self.default_port = r":(443)?\Z" if scheme == "https" else r":(80)?\Z"
        self.families = IDENTITY_FAMILIES + tuple(fold(name) for name in names)
        self.verification = verification
        self.skew = skew
        self.nonce_max = nonce_max
        self.nonces = {}  # nonce to when it may be forgotten

    def check(self, method, target, headers, now=None):
        """(verification, identity by lower-case names); raises SignatureError."""
        now = time.time() if now is None else now
        value, text, signature = self._find(headers)
        parameters = parse_parameters(text)
        demand(parameters.get("keyid") in self.keys, "unknown key")
        algorithm, key = self.keys[parameters["keyid"]]
        demand(parameters.get("alg") == algorithm, "wrong algorithm")
        self._check_times(parameters, now)

        names = parse_components(value)
        demand(len(set(names)) == len(names), "component twice")
        for name in (*DERIVED, self.verification):
            demand(name in names, f"{name} is not covered")
        fields = self._fields(headers, names)
        values = {
            "@method": method,
            "@authority": self._authority(headers),
            "@request-target": target,
            **fields,
        }
        base = ""
        for name in names:
            demand(name in values, f"{name} is missing")
            base += f'"{name}": {values[name]}\n'
        base += f'"@signature-params": {value}{text}'
        demand(verify(algorithm, key, base.encode("latin-1"), signature), "wrong signature")
        self._remember(parameters, now)
        return fields[self.verification], fields

    def _find(self, headers):
        """The one member with our tag, and its signature."""

        def dictionary(name):
            values = [value for key, value in headers if key.lower() == name]
            return parse_dictionary(", ".join(values))

        ours = [
            member
            for member in dictionary("signature-input")
            if member[0] == LABEL or parse_parameters(member[2]).get("tag") == LABEL
        ]
        demand(ours, "no signature")
        demand(len(ours) == 1, "several signatures")
        label, value, text = ours[0]
        demand(parse_parameters(text).get("tag") == LABEL, "wrong tag")
        signatures = [member for member in dictionary("signature") if member[0] == label]
        demand(len(signatures) == 1, "several signatures")
        octets = re.fullmatch(r":([A-Za-z0-9+/]+=*):", signatures[0][1])
        demand(octets, "malformed")
        try:
            return value, text, base64.b64decode(octets[1], validate=True)
        except binascii.Error as error:
            raise SignatureError("malformed") from error

    def _check_times(self, parameters, now):
        created = parse_time(parameters.get("created"))
        expires = parse_time(parameters.get("expires"))
        demand(0 < expires - created <= LIFETIME_MAX, "lives too long")
        demand(created <= now + self.skew, "not yet valid")
        demand(now < expires, "expired")

    def _fields(self, headers, names):
        """What is covered, each once; what is not covered must not look like an identity."""
        fields = {}
        folded = {fold(name) for name in names}
        for name, value in headers:
            key = name.lower()
            if not fold(name).startswith(self.families) and fold(name) not in folded:
                continue
            demand(key in names, f"{key} is not covered")
            demand(key not in fields, f"{key} comes twice")
            fields[key] = value.strip()
        return fields

    def _authority(self, headers):
        hosts = [value for name, value in headers if name.lower() == "host"]
        demand(len(hosts) == 1, "no Host, or several")
        return re.sub(self.default_port, "", hosts[0].strip().lower())

    def _remember(self, parameters, now):
        """A request is made once; the window needs no more than the life of a signature."""
        nonce = parameters.get("nonce")
        demand(nonce, "no nonce")
        demand(nonce not in self.nonces, "replayed")
        while self.nonces and next(iter(self.nonces.values())) <= now:
            del self.nonces[next(iter(self.nonces))]
        demand(len(self.nonces) < self.nonce_max, "too many requests to remember")
        self.nonces[nonce] = int(parameters["expires"])


def main(keyid, algorithm, path):
    with open(path, "rb") as file:
        key = file.read()
    if algorithm == "hmac-sha256":
        key = base64.b64decode(key)
    checker = SignatureChecker({keyid: (algorithm, key)})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            verification, identity = checker.check(
                asked["method"], asked["target"], asked["headers"], asked.get("now")
            )
            print(json.dumps({"verification": verification, "identity": identity}), flush=True)
        except SignatureError as error:
            print(json.dumps({"refused": str(error)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
