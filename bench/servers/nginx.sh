#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# nginx: ssl + proxy with a keep-alive upstream pool
bin=${BIN:-/usr/sbin/nginx}
case $1 in
version) "$bin" -V 2>&1 | sed -n 's/^nginx version: //p;s/^built with //p' | tr '\n' ' '; exit ;;
caps) echo header h2 log resume; exit ;;
esac
if [ "$LOG" = 1 ]; then
    log="access_log $WORK/access.log j buffer=64k flush=1s;"
else log="access_log off;"; fi
cat >"$WORK/nginx.conf" <<C
daemon off;
user www-data;
worker_processes $WORKERS;
worker_rlimit_nofile 20000;
pid $WORK/nginx.pid;
error_log $WORK/error.log error;
events { worker_connections 32768; }
http {
    log_format j escape=json '{"t":"\$time_iso8601","ip":"\$remote_addr","m":"\$request_method",'
        '"u":"\$request_uri","s":\$status,"b":\$body_bytes_sent,"d":\$request_time,'
        '"tls":"\$ssl_protocol","cipher":"\$ssl_cipher",'
        '"dn":"\$ssl_client_s_dn","sn":"\$ssl_client_serial"}';
    $log
    client_body_temp_path $WORK/b; proxy_temp_path $WORK/p; fastcgi_temp_path $WORK/f;
    uwsgi_temp_path $WORK/u; scgi_temp_path $WORK/s;
    server_tokens off; tcp_nodelay on;
    keepalive_timeout 600s; keepalive_requests 1000000000;
    client_max_body_size 0; client_body_buffer_size 64k;
    upstream be {
        server 127.0.0.1:$BACKEND;
        keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s;
    }
    server {
        listen 127.0.0.1:$PORT ssl http2 reuseport backlog=4096;
        server_name gw.bench.test;
        ssl_certificate $PKI/server-$KEYTYPE.crt;
        ssl_certificate_key $PKI/server-$KEYTYPE.key;
        ssl_client_certificate $PKI/trust.pem;
        ssl_verify_client on;
        ssl_verify_depth 3;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ecdh_curve X25519:P-256;
        ssl_session_cache shared:SSL:64m;
        ssl_session_timeout 1h;
        ssl_session_tickets ${TICKETS:-on};
        ssl_buffer_size 16k;
        http2_max_concurrent_streams 256;
        location / {
            proxy_pass http://be;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host \$host;
            proxy_set_header X-Forwarded-For \$remote_addr;
            proxy_set_header X-SSL-Client-Cert \$ssl_client_escaped_cert;
            proxy_set_header X-SSL-Client-DN \$ssl_client_s_dn;
            proxy_buffer_size 8k;
            proxy_buffers 16 32k;
            proxy_busy_buffers_size 128k;
            proxy_max_temp_file_size 0;
            proxy_request_buffering off;
        }
    }
}
C
# shellcheck disable=SC2086 # WRAP is a command and its arguments, or nothing
exec $WRAP "$bin" -p "$WORK" -c "$WORK/nginx.conf"
