/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts for newcomers: short, aligned, in order of interest, and ready to paste.
 */
#include "app/demo/demo_text_internal.h"

#include <stdio.h>
#include <string.h>

#include "app/demo/demo_command_internal.h"
#include "app/demo/demo_pki_internal.h"
#include "runtime/memory.h"

static const char log_of_people[] = "# The access log goes to stdout: one JSON object a request.\n"
                                    "log: { access: { to: stdout } }\n";
static const char log_of_checks[] =
    "log: { access: { to: ./access.log }, events: { level: warning } }\n";

char *demo_format_configuration(const struct demo_configuration_facts *facts)
{
    return memory_format(
        "# Written by `sallyport demo`. File names are relative to this file. To run it again:\n"
        "#   sallyport whoami --address %s\n"
        "#   sallyport run sallyport.yaml\n"
        "version: 1\n"
        "listeners:\n"
        "  - name: demo\n"
        "    address: \"%s\"\n"
        "    tls:\n"
        "      certificates:\n"
        "        - { chain: server.pem, key: server.key }\n"
        "        - { chain: server-rsa.pem, key: server-rsa.key }\n"
        "    client_certificate:\n"
        "      trust: [client-ca.pem]\n"
        "      mode: required\n"
        "    identity_headers: [client-cert, client-cert-chain, x-arr-clientcert, verification]\n"
        "    routes:\n"
        "      - name: health\n"
        "        paths: [/healthz]\n"
        "        client_certificate: { mode: none }       # open to everybody\n"
        "        backend: viewer\n"
        "      - name: optional\n"
        "        paths: [\"/optional/*\"]\n"
        "        client_certificate: { mode: optional }   # none is fine, a bad one is not\n"
        "        backend: viewer\n"
        "      - name: everything-else\n"
        "        backend: viewer\n"
        "backends:\n"
        "  viewer: { endpoints: [\"http://%s\"] }\n"
        "%s",
        facts->viewer, facts->address, facts->viewer, facts->quiet ? log_of_checks : log_of_people);
}

/* ---- instructions ---- */

static bool is_safe_in_shell(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "/._-+:,@%")] == '\0';
}

/* As an argument for a shell: in quotes where it needs them. */
static void print_quoted(const char *text)
{
    if (is_safe_in_shell(text)) {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
    putchar('\'');
}

static void print_indented(const char *text)
{
    struct slice rest = slice_from_text(text);

    while (!slice_is_empty(rest)) {
        size_t end = slice_find(rest, '\n');

        printf("      %.*s\n", SLICE_FORMAT(slice_first(rest, end)));
        rest = slice_after(rest, end + 1);
    }
}

static void print_check(size_t number, const struct demo_check *check,
                        const struct demo_scene *scene)
{
    char *line = demo_check_line(check, scene);

    printf("  %2zu  %-38s  %s\n", number, check->title, check->shows);
    print_indented(line);
    if (!demo_command_exists(check->program))
        printf("      (%s is not installed here)\n", check->program);
    putchar('\n');
    memory_release(line);
}

void demo_print_instructions(const struct demo_scene *scene, const char *viewer, bool temporary)
{
    bool is_ipv6 = strchr(scene->host, ':') != NULL;
    char *url = memory_format("https://%s%s%s:%u/", is_ipv6 ? "[" : "", scene->host,
                              is_ipv6 ? "]" : "", scene->port);

    printf("\n"
           "sallyport demo: a gateway that asks for client certificates, and behind it a viewer\n"
           "that shows who the gateway says you are.\n"
           "\n"
           "  gateway  %s\n"
           "  viewer   http://%s/\n"
           "  files    %s%s\n"
           "\n"
           "Paste these lines into another terminal. First:\n"
           "\n"
           "      cd ",
           url, viewer, scene->directory,
           temporary ? " (removed at the end; --keep DIR keeps them)" : "");
    print_quoted(scene->directory);
    printf("\n\n");
    for (size_t i = 0; i < demo_checks.count; i++)
        print_check(i + 1, &demo_checks.checks[i], scene);
    printf("In a browser: import alice.p12 (password: " DEMO_PASSWORD ") as your certificate and "
           "root.pem as an authority,\n"
           "then open %s\n"
           "\n"
           "The same configuration is in sallyport.yaml. Ctrl-C ends the demo; until then, each\n"
           "request appears below as a line of the access log.\n"
           "\n",
           url);
    fflush(stdout);
    memory_release(url);
}
