/* SPDX-License-Identifier: Apache-2.0
 *
 * See config_report.h.
 */
#include "app/config_report.h"

#include "app/config/config.h"
#include "runtime/log.h"
#include "runtime/text_builder.h"

void config_report(const struct config *config)
{
    const struct config_problems *problems = config_problems(config);

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];

        log_event(problem->severity == CONFIG_ERROR ? LOG_ERROR : LOG_WARNING, "%s:%u:%u: %s",
                  problem->file, problem->line, problem->column, problem->text);
    }
}

char *config_report_errors(const struct config *config)
{
    const struct config_problems *problems = config_problems(config);
    struct text_builder text = {0};

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];

        if (problem->severity != CONFIG_ERROR)
            continue;
        text_builder_add_format(&text, "%s%s:%u:%u: %s", text.size == 0 ? "" : "\n", problem->file,
                                problem->line, problem->column, problem->text);
    }
    return text_builder_take(&text);
}
