/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of what there is to try, in order of interest. One string is both printed and run, so
 * that a line that works here works when it is pasted.
 */
#include "app/demo/demo_check_internal.h"

#include <stdio.h>
#include <string.h>

#include "runtime/memory.h"

#define CURL  "curl -sSi --cacert root.pem "
#define ALICE "--cert alice.pem --key alice.key "
#define S_CLIENT                                                                                   \
    "printf 'GET / HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' |\n"             \
    "openssl s_client -brief -ign_eof -connect {connect} -servername localhost -CAfile root.pem "  \
    "\\\n-cert alice.pem -cert_chain intermediate.pem -key alice.key "

static const struct demo_check checks[] = {
    {
        .title = "alice is let in",
        .shows = "200, and her name",
        .program = "curl",
        .line = CURL ALICE "{url}/",
        .must_show = {"HTTP/1.1 200", "CN=alice", "\"verification\": \"SUCCESS\""},
        .must_not_show = "\"result\": \"problem\"",
    },
    {
        .title = "no certificate",
        .shows = "400, certificate_missing",
        .program = "curl",
        .line = CURL "{url}/",
        .must_show = {"HTTP/1.1 400", "certificate_missing"},
    },
    {
        .title = "an expired certificate",
        .shows = "400, certificate_expired",
        .program = "curl",
        .line = CURL "--cert expired.pem --key expired.key {url}/",
        .must_show = {"HTTP/1.1 400", "certificate_expired"},
    },
    {
        .title = "a stranger: same names, another CA",
        .shows = "400, certificate_issuer_unknown",
        .program = "curl",
        .line = CURL "--cert stranger.pem --key stranger.key {url}/",
        .must_show = {"HTTP/1.1 400", "certificate_issuer_unknown"},
    },
    {
        .title = "the refusal, for programs",
        .shows = "400, problem details in JSON",
        .program = "curl",
        .line = CURL "-H 'Accept: application/json' {url}/",
        .must_show = {"HTTP/1.1 400", "application/problem+json",
                      "\"reason\":\"certificate_missing\""},
    },
    {
        .title = "a path that is open to everybody",
        .shows = "200, without a certificate",
        .program = "curl",
        .line = CURL "{url}/healthz",
        .must_show = {"HTTP/1.1 200", "\nok"},
    },
    {
        .title = "a forged identity header",
        .shows = "200, as nobody: the header is gone",
        .program = "curl",
        .line = CURL "-H 'X-ARR-ClientCert: forged' {url}/optional/",
        .must_show = {"HTTP/1.1 200", "\"certificate\": null"},
        .must_not_show = "forged",
    },
    {
        .title = "the page that a browser gets",
        .shows = "200, the certificate as a table",
        .program = "curl",
        .line = CURL ALICE "-H 'Accept: text/html' {url}/",
        .must_show = {"HTTP/1.1 200", "<!DOCTYPE html>", "CN=alice"},
    },
    {
        .title = "alice with TLS 1.3",
        .shows = "200, over TLSv1.3",
        .program = "openssl",
        .line = S_CLIENT "-tls1_3",
        .must_show = {"TLSv1.3", "HTTP/1.1 200", "CN=alice"},
    },
    {
        .title = "alice with TLS 1.2",
        .shows = "200, over TLSv1.2",
        .program = "openssl",
        .line = S_CLIENT "-tls1_2",
        .must_show = {"TLSv1.2", "HTTP/1.1 200", "CN=alice"},
    },
    {
        .title = "alice with Node",
        .shows = "200, and her name",
        .program = "node",
        .optional = true,
        .line = "node -e \"https.get('{address_url}/', {ca: fs.readFileSync('root.pem'),\n"
                "cert: fs.readFileSync('alice.pem'), key: fs.readFileSync('alice.key')},\n"
                "answer => { console.log(answer.statusCode); answer.pipe(process.stdout) })\"",
        .must_show = {"200\n", "CN=alice"},
    },
};

const struct demo_check_list demo_checks = {
    .checks = checks,
    .count = sizeof checks / sizeof checks[0],
    .good = "ok",
    .shows_lines = true,
};

/* ---- filling in ---- */

enum { PLACE_COUNT = 4 };

struct place {
    const char *name;
    char *value;
};

/* Addresses of IPv6 stand in brackets before a port. */
static char *with_port(const char *before, const char *host, unsigned port)
{
    bool is_ipv6 = strchr(host, ':') != NULL;

    return memory_format("%s%s%s%s:%u", before, is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

static const struct place *find_place(const struct place *places, struct slice text)
{
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        if (slice_starts_with(text, slice_from_text(places[i].name)))
            return &places[i];
    }
    return NULL;
}

static char *fill(const char *template, const struct place *places)
{
    struct slice rest = slice_from_text(template);
    char *line = memory_copy_text("");

    while (!slice_is_empty(rest)) {
        const struct place *place = find_place(places, rest);
        size_t taken = place != NULL ? strlen(place->name) : 1;
        char *longer = place != NULL ? memory_format("%s%s", line, place->value)
                                     : memory_format("%s%c", line, rest.data[0]);

        memory_release(line);
        line = longer;
        rest = slice_after(rest, taken);
    }
    return line;
}

char *demo_check_line(const struct demo_check *check, const struct demo_scene *scene)
{
    const struct place places[PLACE_COUNT] = {
        {"{url}", with_port("https://", scene->host, scene->port)},
        {"{address_url}", with_port("https://", scene->address, scene->port)},
        {"{connect}", with_port("", scene->host, scene->port)},
        {"{host}", with_port("", scene->host, scene->port)},
    };
    char *line = fill(check->line, places);

    for (size_t i = 0; i < PLACE_COUNT; i++)
        memory_release(places[i].value);
    return line;
}

/* ---- judging ---- */

static bool holds(struct slice output, const char *mark)
{
    return memmem(output.data, output.size, mark, strlen(mark)) != NULL;
}

char *demo_check_judge(const struct demo_check *check, struct slice output)
{
    for (size_t i = 0; i < DEMO_MARKS_MAX && check->must_show[i] != NULL; i++) {
        if (!holds(output, check->must_show[i]))
            return memory_format("'%s' should be in the output", check->must_show[i]);
    }
    if (check->must_not_show != NULL && holds(output, check->must_not_show))
        return memory_format("'%s' should not be in the output", check->must_not_show);
    return NULL;
}
