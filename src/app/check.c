/* SPDX-License-Identifier: Apache-2.0
 *
 * See check.h.
 */
#include "app/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/command_line.h"
#include "app/config/config.h"
#include "app/config_report.h"
#include "app/generation_report.h"
#include "app/pkcs11_setup.h"
#include "app/revocation_keeper.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/generation/generation.h"
#include "protocol/tls/tls_pkcs11.h"
#include "protocol/tls/tls_session_store.h"
#include "protocol/x509/public_authorities.h"
#include "runtime/log.h"
#include "runtime/memory.h"

/* Builds everything that `run` would build, and listens nowhere. */
static bool can_build(const struct generation_settings *settings, size_t *warnings)
{
    const struct tls_session_store_settings session_settings = {.bytes_max = 0};
    struct generation_facts facts = {
        .sessions = tls_session_store_create(&session_settings),
        .backends = backend_registry_create(1),
    };
    struct error error = {.kind = ERROR_NONE};
    struct public_authorities *authorities = generation_report_load_authorities();
    struct tls_pkcs11 *pkcs11 = NULL;
    struct generation *generation = pkcs11_setup(&pkcs11, settings, true, &error)
                                        ? generation_create(settings, &facts, &error)
                                        : NULL;
    struct revocation_keeper *revocation = revocation_keeper_create();
    bool built = generation != NULL && revocation_keeper_prepare(revocation, generation, &error);

    if (built)
        *warnings += generation_report(generation, authorities);
    else
        log_event(LOG_ERROR, "%s", error.text);
    public_authorities_release(authorities);
    generation_release(generation);
    revocation_keeper_destroy(revocation);
    backend_registry_destroy(facts.backends);
    tls_session_store_destroy(facts.sessions);
    tls_pkcs11_stop(pkcs11);
    return built;
}

/* One byte more than a configuration may have, so that a larger one is noticed. */
static struct config *load_standard_input(void)
{
    size_t capacity = (size_t)CONFIG_FILE_BYTES_MAX + 1;
    char *text = memory_allocate(capacity);
    size_t size = fread(text, 1, capacity, stdin);
    struct config *config = NULL;

    if (ferror(stdin) != 0)
        log_event(LOG_ERROR, "the standard input cannot be read: %s", strerror(errno));
    else
        config = config_load_text(slice_from(text, size), "stdin", ".");
    memory_wipe_and_release(text, capacity);
    return config;
}

static bool print_effective(const struct config *config)
{
    char *text = config_format_effective(config);
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;

    memory_release(text);
    return printed;
}

static bool check_config(const struct check_settings *settings, const struct config *config)
{
    const struct config_problems *problems = config_problems(config);
    size_t warnings = problems->count;

    config_report(config);
    if (config_settings(config) == NULL || !can_build(config_settings(config), &warnings))
        return false;
    if (settings->is_strict && warnings > 0) {
        log_event(LOG_ERROR, "with --strict, a warning is an error");
        return false;
    }
    if (settings->shows_effective)
        return print_effective(config);
    printf("%s: ok\n", settings->path == NULL ? "stdin" : settings->path);
    return true;
}

int check_run(const struct check_settings *settings)
{
    struct config *config =
        settings->path == NULL ? load_standard_input() : config_load_file(settings->path);
    bool is_good = config != NULL && check_config(settings, config);

    config_destroy(config);
    return is_good ? EXIT_OK : EXIT_START;
}
