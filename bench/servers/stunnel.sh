#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# stunnel: TLS termination to TCP only, one thread per connection
bin=${BIN:-/usr/bin/stunnel4}
case $1 in
version) "$bin" -version 2>&1 | sed -n '1p;2p' | tr '\n' ' '; exit ;;
caps) echo term resume; exit ;;
esac
cat >"$WORK/stunnel.conf" <<C
foreground = quiet
debug = 3
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[tls]
accept = 127.0.0.1:$PORT
connect = 127.0.0.1:$BACKEND
cert = $PKI/server-$KEYTYPE.pem
CAfile = $PKI/trust.pem
verifyChain = yes
requireCert = yes
sslVersionMin = TLSv1.2
curves = X25519:P-256
sessionCacheSize = 20000
TIMEOUTidle = 600
C
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" "$WORK/stunnel.conf"
