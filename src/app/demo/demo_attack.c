/* SPDX-License-Identifier: Apache-2.0
 *
 * See demo_attack_internal.h. An attack prints "held" behind each thing that had to hold; what it
 * must show says which those are. Waiting has a deadline, and is for a condition.
 */
#include "app/demo/demo_attack_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/demo/demo_command_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/socket.h"
#include "runtime/text_builder.h"

enum { PREPARATION_MS = 30 * 1000 };

/* ---- the attacks ---- */

/* clang-format off */
static const char common[] =
    "# What `sallyport demo --attack` does. Each attack is a function.\n"
    "\n"
    "ask() { curl -sSi -m 20 --cacert root.pem \"$@\" 2>&1; }\n"
    "as() { who=$1; shift; ask --cert $who.pem --key $who.key \"$@\"; }\n"
    "now_ms() { echo $(($(date +%s%N) / 1000000)); }\n"
    "held() { echo \"held: $*\"; }\n"
    "# within SECONDS COMMAND...: again and again, until it succeeds\n"
    "within() {\n"
    "    end=$(($(now_ms) + $1 * 1000)); shift\n"
    "    until \"$@\"; do [ $(now_ms) -lt $end ] || return 1; sleep 0.02; done\n"
    "}\n"
    "ended() { ! kill -0 \"$1\" 2>/dev/null; }\n"
    "ca() { openssl ca -config ca.cnf \"$@\" 2>>openssl.log; }\n"
    "publish() { mv next.crl issuing.crl; }\n"
    "\n"
    "prepare() {\n"
    "    : >index.txt; echo 01 >crlnumber\n"
    "    printf '%s\\n' '[ca]' 'default_ca = here' '[here]' 'database = index.txt' \\\n"
    "        'certificate = intermediate.pem' 'private_key = intermediate.key' \\\n"
    "        'default_md = sha256' 'crlnumber = crlnumber' 'default_crl_days = 1' \\\n"
    "        'unique_subject = no' >ca.cnf\n"
    "    for who in alice bob carol; do ca -valid $who.pem || return; done\n"
    "    ca -gencrl -cert root.pem -keyfile root.key -out root.crl || return\n"
    "    ca -gencrl -out next.crl && publish && held prepared\n"
    "}\n"
    "\n"
    "# nginx, for comparison, with the same files. It wants a list of each CA.\n"
    "nginx_lists() { cat issuing.crl root.crl >$home/lists.pem; }\n"
    "nginx_start() {\n"
    "    PATH=$PATH:/usr/sbin; command -v nginx >/dev/null || return 1\n"
    "    home=$(mktemp -d); cat root.pem intermediate.pem >$home/ca.pem; nginx_lists\n"
    "    cat >$home/nginx.conf <<CONFIG\n"
    "daemon off; worker_processes 1; pid $home/pid; error_log $home/log;\n"
    "events { worker_connections 64; }\n"
    "http { access_log off; client_body_temp_path $home/1; proxy_temp_path $home/2;\n"
    "  fastcgi_temp_path $home/3; uwsgi_temp_path $home/4; scgi_temp_path $home/5;\n"
    "  ssl_certificate $PWD/server.pem; ssl_certificate_key $PWD/server.key;\n"
    "  ssl_client_certificate $home/ca.pem; ssl_crl $home/lists.pem;\n"
    "  ssl_verify_client optional; ssl_verify_depth 3;\n"
    "  server { listen 127.0.0.1:$nginx_port ssl; location / {\n"
    "    proxy_set_header X-ARR-ClientCert \\$ssl_client_escaped_cert; proxy_http_version 1.1;\n"
    "    proxy_buffering off; proxy_pass http://$mirror; } } }\n"
    "CONFIG\n"
    "    nginx -c $home/nginx.conf -e $home/log >>$home/log 2>&1 & nginx_id=$!\n"
    "    within 5 nginx_answers && ! ended $nginx_id && return\n"
    "    echo \"told: nginx did not start: $(tail -n 1 $home/log)\"; nginx_stop; return 1\n"
    "}\n"
    "nginx_answers() {\n"
    "    ended $nginx_id && return\n"
    "    as bob https://localhost:$nginx_port/ >nginx.out; grep -q '200 OK' nginx.out\n"
    "}\n"
    "nginx_stop() { kill $nginx_id; wait $nginx_id; rm -rf \"$home\"; } 2>/dev/null\n"
    "\n";

static const char revocation[] =
    "# Alice downloads; meanwhile her certificate is revoked.\n"
    "download() { curl -sN -m 30 --cacert root.pem --cert alice.pem --key alice.key \\\n"
    "    \"$1\" >\"$2\" 2>&1 & }\n"
    "revoked_while_downloading() {\n"
    "    ask_tls=\"openssl s_client -tls1_2 -ign_eof -connect $connect -servername localhost \\\n"
    "        -CAfile root.pem -cert alice.pem -cert_chain intermediate.pem -key alice.key\"\n"
    "    question() { printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: "
    "close\\r\\n\\r\\n'; }\n"
    "    question | $ask_tls -sess_out session.pem >first.out 2>&1\n"
    "    grep -q 'HTTP/1.1 200' first.out && [ -s session.pem ] && held 'she was let in'\n"
    "    # Elsewhere, so that nothing but the list changes in the directory that is watched.\n"
    "    out=$(mktemp -d); download $url/stream $out/ours; ours=$!\n"
    "    beside=; if nginx_start; then\n"
    "        beside=yes; download https://localhost:$nginx_port/stream $out/theirs; theirs=$!\n"
    "        within 5 test -s $out/theirs\n"
    "    fi\n"
    "    within 5 test -s $out/ours && held 'she downloads'\n"
    "    ca -revoke alice.pem && ca -gencrl -out next.crl\n"
    "    publish; began=$(now_ms)\n"
    "    within 10 grep -q 'issuing.crl. are new' events.log; known=$(now_ms)\n"
    "    within 10 ended $ours; over=$(now_ms)\n"
    "    echo \"told: the download ended $((over - began)) ms after the list was there\"\n"
    "    [ $((over - known)) -lt 1000 ] && held 'under a second'\n"
    "    as alice $url/ >again.out; grep -q certificate_revoked again.out && held 'refused since'\n"
    "    question | $ask_tls -sess_in session.pem >resumed.out 2>&1\n"
    "    grep -q certificate_revoked resumed.out && ! grep -q 'HTTP/1.1 200' resumed.out &&\n"
    "        held 'her session helps nobody'\n"
    "    if [ -n \"$beside\" ]; then\n"
    "        nginx_lists; kill -HUP $nginx_id; sleep 1\n"
    "        if ended $theirs; then echo 'told: nginx ended the download too'\n"
    "        else echo 'told: nginx, with the list and reloaded, serves on'; kill $theirs; fi\n"
    "        nginx_stop\n"
    "    fi\n"
    "    kill $ours 2>/dev/null; rm -rf \"$out\"\n"
    "}\n"
    "\n";

static const char spoofing[] =
    "# Somebody without certificate says to be alice, by every name of the header.\n"
    "spoofed_aliases() {\n"
    "    set --; for name in X-ARR-ClientCert x-arr-clientcert Client-Cert CLIENT-CERT-CHAIN \\\n"
    "        X-Client-Cert X-SSL-Client-Cert X-Forwarded-Client-Cert X-Amzn-Mtls-Clientcert \\\n"
    "        Ssl-Client-Cert X-Forwarded-Tls-Client-Cert; do set -- \"$@\" -H \"$name: "
    "forged\"; done\n"
    "    ask \"$@\" $url/optional/echo >spoofed.out\n"
    "    grep -q '200 OK' spoofed.out && ! grep -qi forged spoofed.out && held 'all are gone'\n"
    "    ask -H 'Client_Cert: forged' $url/optional/echo >folded.out\n"
    "    grep -q 'HTTP/1.1 400' folded.out && held 'Client_Cert is refused'\n"
    "    ask -H 'Connection: x-arr-clientcert' $url/optional/echo >hop.out\n"
    "    grep -q 'HTTP/1.1 400' hop.out && held 'and so is Connection'\n"
    "    if nginx_start; then\n"
    "        ask \"$@\" https://localhost:$nginx_port/ >nginx.out\n"
    "        echo \"told: nginx, told to set one of them, passes $(grep -ci forged nginx.out) "
    "others on\"\n"
    "        nginx_stop\n"
    "    fi\n"
    "}\n"
    "spoofed_trailers() {\n"
    "    (printf 'POST /optional/echo HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n'\n"
    "     printf 'Transfer-Encoding: chunked\\r\\nTrailer: "
    "Client-Cert\\r\\n\\r\\n4\\r\\nbody\\r\\n0\\r\\n'\n"
    "     printf 'Client-Cert: forged\\r\\nX-ARR-ClientCert: forged\\r\\nX-Other: "
    "kept\\r\\n\\r\\n') |\n"
    "        openssl s_client -quiet -connect $connect -servername localhost -CAfile root.pem \\\n"
    "            >trailers.out 2>/dev/null\n"
    "    grep -q '200 OK' trailers.out && grep -q body trailers.out && held 'the content arrives'\n"
    "    ! grep -q forged trailers.out && held 'the trailers do not'\n"
    "}\n"
    "\n"
    "# A connection to one host, and a request for another that trusts somebody else.\n"
    "other_host() {\n"
    "    as bob $url/ >own.out; grep -q 'HTTP/1.1 200' own.out && held 'his own host serves him'\n"
    "    as bob -H 'Host: vault.demo' $url/ >other.out\n"
    "    grep -q 'HTTP/1.1 421' other.out && grep -q request_misdirected other.out && held 421\n"
    "}\n"
    "\n";

static const char reloading[] =
    "# The file of trusted CAs is emptied, and the configuration read again.\n"
    "emptied_trust() {\n"
    "    cp client-ca.pem kept.pem; : >client-ca.pem; kill -HUP $gateway\n"
    "    within 10 grep -q 'nothing was reloaded' events.log && held 'it is not taken'\n"
    "    as bob $url/ >own.out; grep -q 'HTTP/1.1 200' own.out && held 'bob is served on'\n"
    "    as stranger $url/ >other.out\n"
    "    grep -q certificate_issuer_unknown other.out && held 'strangers are not'\n"
    "    cp kept.pem client-ca.pem; kill -HUP $gateway\n"
    "    within 10 grep -q 'reloaded /' events.log && held 'and what is whole again is taken'\n"
    "}\n"
    "\n"
    "# The OCSP responder dies while clients are busy.\n"
    "checked() { who=$1; shift; curl -sSi -m 20 -k \\\n"
    "    --connect-to checked.demo:443:$connect --cert $who.pem --key $who.key \\\n"
    "    https://checked.demo/ 2>&1; }\n"
        "dead_responder() {\n"
    "    openssl ocsp -port $responder_port -index index.txt -CA intermediate.pem -nmin 5 "
    "-ignore_err \\\n"
    "        -rsigner intermediate.pem -rkey intermediate.key >responder.log 2>&1 &\n"
    "    responder=$!; within 5 grep -q ACCEPT responder.log\n"
    "    checked bob >bob.out; grep -q 'HTTP/1.1 200' bob.out && held 'bob is good'\n"
    "    : >load.out; (for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do\n"
    "        checked bob | grep HTTP/1.1 >>load.out; done) & load=$!\n"
    "    within 5 test -s load.out; kill -9 $responder; wait $responder 2>/dev/null\n"
    "    wait $load; echo \"told: $(grep -c ' 200 ' load.out) of 20 requests of bob were served\"\n"
    "    [ $(grep -c ' 200 ' load.out) -eq 20 ] && held 'what is known holds'\n"
    "    began=$(now_ms); checked carol >carol.out; took=$(($(now_ms) - began))\n"
    "    echo \"told: carol, of whom nothing is known, was refused after $took ms\"\n"
    "    grep -q 'HTTP/1.1 [45]' carol.out && grep -q ocsp_unavailable carol.out && held 'carol "
    "is not let in'\n"
    "    [ $took -lt 8000 ] && held 'nor kept waiting'\n"
    "}\n"
    "\n"
    "# One refusal, told four times.\n"
    "one_reason() {\n"
    "    as expired -H 'Accept: application/json' $url/ >answer.out\n"
    "    reason=$(sed -n 's/.*\"reason\":\"\\([a-z_]*\\)\".*/\\1/p' answer.out)\n"
    "    trace=$(sed -n 's/.*\"trace_id\":\"\\([0-9a-f]*\\)\".*/\\1/p' answer.out)\n"
    "    echo \"told: $reason, trace id $trace\"\n"
    "    [ \"$reason\" = certificate_expired ] && [ -n \"$trace\" ] && held 'the answer says it'\n"
    "    logged() { grep \"\\\"trace_id\\\":\\\"$trace\\\"\" access.log | grep -q "
    "\"\\\"reason\\\":\\\"$reason\\\"\"; }\n"
    "    within 5 logged && held 'the log too'\n"
    "    curl -s -m 5 http://127.0.0.1:$monitoring_port/metrics |\n"
    "        grep \"^sallyport_refusals_total{reason=\\\"$reason\\\"} [1-9]\" && held 'the "
    "metric too'\n"
    "    \"$program\" explain sallyport.yaml --url $url/ --cert expired.pem --expect $reason \\\n"
    "        >explain.out 2>&1 && held 'and explain'\n"
    "}\n";
/* clang-format on */

#define RUN "url={url} connect={connect}; . ./attack.sh; "

static const struct demo_check attacks[] = {
    {
        .title = "revoked while she downloads",
        .shows = "the download ends, alice is out, resumed or not",
        .program = "curl",
        .line = RUN "revoked_while_downloading",
        .must_show = {"held: she was let in", "held: she downloads", "held: under a second",
                      "held: refused since", "held: her session helps nobody"},
    },
    {
        .title = "identity headers by other names",
        .shows = "none reaches the backend",
        .program = "curl",
        .line = RUN "spoofed_aliases",
        .must_show = {"held: all are gone", "held: Client_Cert is refused",
                      "held: and so is Connection"},
    },
    {
        .title = "identity headers as trailers",
        .shows = "none reaches the backend",
        .program = "openssl",
        .line = RUN "spoofed_trailers",
        .must_show = {"held: the content arrives", "held: the trailers do not"},
    },
    {
        .title = "server name one, host another",
        .shows = "421, request_misdirected",
        .program = "curl",
        .line = RUN "other_host",
        .must_show = {"held: his own host serves him", "held: 421"},
    },
    {
        .title = "an emptied CA file on reload",
        .shows = "what was in use goes on",
        .program = "curl",
        .line = RUN "emptied_trust",
        .must_show = {"held: it is not taken", "held: bob is served on", "held: strangers are not",
                      "held: and what is whole again is taken"},
    },
    {
        .title = "the responder killed under load",
        .shows = "the known are served, the unknown refused",
        .program = "curl",
        .line = RUN "dead_responder",
        .must_show = {"held: bob is good", "held: what is known holds", "held: carol is not let in",
                      "held: nor kept waiting"},
    },
    {
        .title = "why, asked four times",
        .shows = "one reason in answer, log, metric and explain",
        .program = "curl",
        .line = RUN "one_reason",
        .must_show = {"held: the answer says it", "held: the log too", "held: the metric too",
                      "held: and explain"},
    },
};

const struct demo_check_list demo_attacks = {
    .checks = attacks,
    .count = sizeof attacks / sizeof attacks[0],
    .good = "PASS",
    .tells = "told: ",
};

/* ---- where they happen ---- */

bool demo_attack_choose_ports(struct demo_attack_facts *facts, struct error *error)
{
    uint16_t *const ports[] = {&facts->monitoring_port, &facts->responder_port, &facts->nginx_port};
    enum { COUNT = sizeof ports / sizeof ports[0] };
    int sockets[COUNT];
    bool chosen = true;

    /* All are held until the last is found, so that they differ. */
    for (size_t i = 0; i < COUNT; i++) {
        struct socket_address address;

        sockets[i] = -1;
        chosen = chosen && socket_address_parse(SLICE("127.0.0.1:0"), &address, error);
        if (chosen)
            sockets[i] = socket_listen(&address, 1, false, error);
        chosen = sockets[i] >= 0 && socket_local_address(sockets[i], &address);
        if (chosen)
            *ports[i] = socket_address_port(&address);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (sockets[i] >= 0)
            socket_close(sockets[i]);
    }
    return chosen;
}

/* For a shell, in quotes. */
static void add_quoted(struct text_builder *script, const char *name, const char *value)
{
    text_builder_add_format(script, "%s='", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            text_builder_add(script, SLICE("'\\''"));
        else
            text_builder_add(script, slice_from(value, 1));
    }
    text_builder_add(script, SLICE("'\n"));
}

static bool write_script(const struct demo_directory *directory,
                         const struct demo_attack_facts *facts, struct error *error)
{
    const char *const parts[] = {common, revocation, spoofing, reloading};
    char *path = demo_directory_path(directory, "attack.sh");
    struct text_builder script = {.text = NULL};
    char program[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    bool written = false;
    char *text = NULL;

    program[size < 0 ? 0 : size] = '\0';
    add_quoted(&script, "program", size < 0 ? "sallyport" : program);
    add_quoted(&script, "mirror", facts->mirror);
    text_builder_add_format(&script,
                            "gateway=%d monitoring_port=%u responder_port=%u nginx_port=%u\n",
                            (int)getpid(), (unsigned)facts->monitoring_port,
                            (unsigned)facts->responder_port, (unsigned)facts->nginx_port);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        text_builder_add(&script, slice_from_text(parts[i]));
    text = text_builder_take(&script);
    written = file_write_private(path, slice_from_text(text), error);
    memory_release(text);
    memory_release(path);
    return written;
}

bool demo_attack_prepare(const struct demo_directory *directory,
                         const struct demo_attack_facts *facts, struct error *error)
{
    struct demo_command_result result;
    bool is_prepared;

    if (!write_script(directory, facts, error))
        return false;
    result = demo_command_run(". ./attack.sh; prepare", directory->path, -1, PREPARATION_MS);
    is_prepared = strstr(result.output, "held: prepared") != NULL;
    if (!is_prepared)
        error_set(error, ERROR_SYSTEM, "the first revocation list cannot be made: %.200s",
                  result.output);
    memory_release(result.output);
    return is_prepared;
}

char *demo_attack_format_configuration(const struct demo_attack_facts *facts)
{
    return memory_format("# Written by `sallyport demo --attack`.\n"
                         "version: 1\n"
                         "listeners:\n"
                         "  - name: demo\n"
                         "    address: \"%s\"\n"
                         "    tls: demo\n"
                         "    client_certificate: { trust: listed }\n"
                         "    identity_headers: [client-cert, x-arr-clientcert, verification]\n"
                         "    routes:\n"
                         "      - { name: stream, paths: [/stream], backend: mirror }\n"
                         "      - name: optional\n"
                         "        paths: [\"/optional/*\"]\n"
                         "        client_certificate: { mode: optional }\n"
                         "        backend: mirror\n"
                         "      - { name: everything-else, backend: viewer }\n"
                         "  - name: vault\n"
                         "    address: \"%s\"\n"
                         "    hosts: [vault.demo]\n"
                         "    tls: demo\n"
                         "    client_certificate: { trust: [vault-ca.pem] }\n"
                         "    routes: [{ backend: viewer }]\n"
                         "  - name: checked\n"
                         "    address: \"%s\"\n"
                         "    hosts: [checked.demo]\n"
                         "    tls: demo\n"
                         "    client_certificate: { trust: asked }\n"
                         "    routes: [{ backend: viewer }]\n"
                         "tls_profiles:\n"
                         "  demo: { certificates: [{ chain: server.pem, key: server.key }] }\n"
                         "trust_profiles:\n"
                         "  listed:\n"
                         "    anchors: [client-ca.pem]\n"
                         "    revocation: { sources: [crl], crl: { files: [issuing.crl] } }\n"
                         "  asked:\n"
                         "    anchors: [client-ca.pem]\n"
                         "    revocation:\n"
                         "      sources: [ocsp]\n"
                         "      ocsp: { responder: \"http://127.0.0.1:%u\", timeout: 2s }\n"
                         "fetch: { allow: [127.0.0.0/8] }\n"
                         "backends:\n"
                         "  viewer: { endpoints: [\"http://%s\"] }\n"
                         "  mirror: { endpoints: [\"http://%s\"] }\n"
                         "monitoring: { address: \"127.0.0.1:%u\" }\n"
                         "log: { access: { to: ./access.log }, events: { to: ./events.log } }\n",
                         facts->address, facts->address, facts->address,
                         (unsigned)facts->responder_port, facts->viewer, facts->mirror,
                         (unsigned)facts->monitoring_port);
}
