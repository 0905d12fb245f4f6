#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Caddy (Go crypto/tls)
bin=${BIN:-/usr/bin/caddy}
case $1 in
version) "$bin" version | head -1; exit ;;
caps) echo header h2 log resume; exit ;;
esac
if [ "$LOG" = 1 ]; then log="log {
        output file $WORK/access.log {
            roll_disabled
        }
        format json
    }"; else log=; fi
cat >"$WORK/Caddyfile" <<C
{
    admin off
    auto_https off
    log {
        level ERROR
    }
    servers {
        timeouts {
            idle 10m
        }
    }
}
https://gw.bench.test:$PORT {
    bind 127.0.0.1
    tls $PKI/server-$KEYTYPE.crt $PKI/server-$KEYTYPE.key {
        protocols tls1.2 tls1.3
        curves x25519 secp256r1
        client_auth {
            mode require_and_verify
            trusted_ca_cert_file $PKI/trust.pem
        }
    }
    $log
    reverse_proxy 127.0.0.1:$BACKEND {
        header_up X-SSL-Client-Cert {http.request.tls.client.certificate_der_base64}
        header_up X-SSL-Client-DN {http.request.tls.client.subject}
        transport http {
            keepalive 10m
            keepalive_idle_conns 256
            keepalive_idle_conns_per_host 256
            compression off
        }
    }
}
C
export GOMAXPROCS="$WORKERS" HOME="$WORK" XDG_DATA_HOME="$WORK" XDG_CONFIG_HOME="$WORK"
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" run --config "$WORK/Caddyfile" --adapter caddyfile
