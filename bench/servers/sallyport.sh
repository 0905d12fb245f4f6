#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# sallyport, the gateway under test. BIN names another build of it.
bin=${BIN:-$(dirname "$0")/../../build/release/sallyport}
case $1 in
version) "$bin" version | head -n 1; exit ;;
caps) echo header log resume; exit ;;
esac
if [ "$LOG" = 1 ]; then
    access="{ to: $WORK/access.log, format: json }"
else
    access=off
fi
cat >"$WORK/sallyport.yaml" <<C
version: 1
listeners:
  - name: bench
    address: "127.0.0.1:$PORT"
    tls:
      certificates: [{ chain: $PKI/server-$KEYTYPE.crt, key: $PKI/server-$KEYTYPE.key }]
      policy: { min_version: "1.2", groups: [X25519, P-256] }
      alpn: [http/1.1]
    client_certificate: { trust: [$PKI/trust.pem] }
    identity_headers:
      - { name: X-SSL-Client-Cert, format: pem_url }
      - { name: X-SSL-Client-DN, format: subject }
    routes: [{ backend: app }]
backends:
  app:
    endpoints: ["http://127.0.0.1:$BACKEND"]
    connections: 12000
    idle_connections: 256
    idle_time: 600s
limits: { connections: 12000, keep_alive: 600s }
workers: $WORKERS
log: { access: $access }
C
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" run "$WORK/sallyport.yaml"
