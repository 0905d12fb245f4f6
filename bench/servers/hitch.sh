#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# hitch: TLS termination to TCP only, no HTTP, no certificate header
bin=${BIN:-/usr/sbin/hitch}
case $1 in
version) "$bin" --version 2>&1 | head -1; exit ;;
caps) echo term resume; exit ;;
esac
cat >"$WORK/hitch.conf" <<C
frontend = { host = "127.0.0.1" port = "$PORT" pem-file = "$PKI/server-$KEYTYPE.pem" }
backend = "[127.0.0.1]:$BACKEND"
workers = $WORKERS
backlog = 4096
daemon = off
quiet = on
log-level = 0
user = "www-data"
tls-protos = TLSv1.2 TLSv1.3
ecdh-curve = "X25519:P-256"
client-verify = required
client-verify-ca = "$PKI/trust.pem"
alpn-protos = "http/1.1"
C
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" --config="$WORK/hitch.conf"
