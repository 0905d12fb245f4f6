#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Apache httpd: event MPM, mod_ssl, mod_proxy_http
bin=${BIN:-/usr/sbin/apache2}
mod=/usr/lib/apache2/modules
case $1 in
version) "$bin" -v | sed -n 's/^Server version: //p' | tr '\n' ' '; exit ;;
caps) echo header h2 log resume; exit ;;
esac
if [ "$LOG" = 1 ]; then
    log='LogFormat "{\"t\":\"%{%FT%T}t\",\"ip\":\"%a\",\"m\":\"%m\",\"u\":\"%U\",\
\"s\":%>s,\"b\":%B,\"d\":%D,\
\"tls\":\"%{SSL_PROTOCOL}x\",\"cipher\":\"%{SSL_CIPHER}x\",\
\"dn\":\"%{SSL_CLIENT_S_DN}x\",\"sn\":\"%{SSL_CLIENT_M_SERIAL}x\"}" j
BufferedLogs On
CustomLog '$WORK'/access.log j'
else log=; fi
{
for m in mpm_event authz_core unixd log_config headers socache_shmcb ssl proxy proxy_http http2; do
    [ -f $mod/mod_$m.so ] && echo "LoadModule ${m}_module $mod/mod_$m.so"
done
cat <<C
ServerRoot $WORK
DefaultRuntimeDir $WORK
PidFile $WORK/apache.pid
ErrorLog $WORK/error.log
LogLevel error
User www-data
Group www-data
ServerName gw.bench.test
Listen 127.0.0.1:$PORT
ListenBacklog 4096
StartServers $WORKERS
ServerLimit $WORKERS
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers $((256 * WORKERS))
MinSpareThreads 1
MaxSpareThreads $((256 * WORKERS))
AsyncRequestWorkerFactor 400
MaxConnectionsPerChild 0
KeepAlive On
KeepAliveTimeout 600
MaxKeepAliveRequests 0
Timeout 600
EnableMMAP On
$log
SSLSessionCache shmcb:$WORK/sslcache(67108864)
SSLSessionCacheTimeout 3600
SSLRandomSeed startup builtin
H2MaxSessionStreams 256
<VirtualHost 127.0.0.1:$PORT>
    Protocols h2 http/1.1
    SSLEngine on
    SSLCertificateFile $PKI/server-$KEYTYPE.crt
    SSLCertificateKeyFile $PKI/server-$KEYTYPE.key
    SSLCACertificateFile $PKI/trust.pem
    SSLVerifyClient require
    SSLVerifyDepth 3
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLOpenSSLConfCmd Curves X25519:P-256
    SSLSessionTickets on
    ProxyPreserveHost On
    RequestHeader set X-SSL-Client-Cert "%{SSL_CLIENT_CERT}s"
    RequestHeader set X-SSL-Client-DN "%{SSL_CLIENT_S_DN}s"
    ProxyPass / http://127.0.0.1:$BACKEND/ keepalive=On ttl=600 timeout=600
</VirtualHost>
C
} >"$WORK/apache.conf"
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" -DFOREGROUND -f "$WORK/apache.conf"
