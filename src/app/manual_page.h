/* SPDX-License-Identifier: Apache-2.0
 *
 * Manual pages out of Markdown: as much of it as our own documents use, which are headings,
 * paragraphs, lists, blocks of code, and emphasis, strong text and code in a line.
 */
#pragma once

#include <stdio.h>

struct manual_page {
    const char *name;    /* "sallyport.yaml" */
    const char *section; /* "5" */
    const char *about;   /* "name - what it is", for text that only describes; NULL: it has sections
                            of its own */
};

/* Headings of the first level are left out: the page has a title. */
void manual_print(const struct manual_page *page, const char *markdown, FILE *to);
