#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# HAProxy: ssl bind + http-reuse always
bin=${BIN:-/usr/sbin/haproxy}
case $1 in
version) "$bin" -vv | sed -n '1p;s/^Running on OpenSSL version : //p' | tr '\n' ' '; exit ;;
caps) echo header h2 log resume; exit ;;
esac
if [ "$LOG" = 1 ]; then
    exec >"$WORK/access.log"
    glog="log stdout len 2048 format raw local0 info"
    request='"t":"%T","ip":"%ci","m":"%HM","u":"%HU","s":%ST,"b":%B,"d":%Ta'
    client='"tls":"%sslv","cipher":"%sslc","dn":"%[var(txn.dn)]","sn":"%[var(txn.sn)]"'
    log="log global
    log-format '{$request,$client}'
    http-request set-var(txn.dn) ssl_c_s_dn
    http-request set-var(txn.sn) ssl_c_serial,hex"
else glog=; log=; fi
tls="ssl crt $PKI/server-$KEYTYPE.pem"
[ "$TICKETS" != off ] || tls="$tls no-tls-tickets"
verify="ca-file $PKI/trust.pem verify required"
cat >"$WORK/haproxy.cfg" <<C
global
    nbthread $WORKERS
    maxconn 9000
    $( [ -n "$WRAP" ] || echo user www-data )
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-curves X25519:P-256
    tune.ssl.cachesize 100000
    tune.ssl.lifetime 3600
    $glog
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    timeout http-keep-alive 600s
    $( [ "$LOG" = 1 ] || echo option dontlog-normal )
frontend f
    bind 127.0.0.1:$PORT $tls $verify alpn h2,http/1.1 backlog 4096
    $log
    http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]
    http-request set-header X-SSL-Client-DN %[ssl_c_s_dn]
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:$BACKEND pool-max-conn 256 pool-purge-delay 600s
C
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" -db -f "$WORK/haproxy.cfg"
