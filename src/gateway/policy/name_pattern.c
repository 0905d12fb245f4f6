/* SPDX-License-Identifier: Apache-2.0
 *
 * See name_pattern_internal.h. A mismatch goes back to the last star alone: what is in front of it
 * ends at a separator or is as short as it can be, so that no other way could succeed.
 */
#include "gateway/policy/name_pattern_internal.h"

/* ---- matching -------------------------------------------------------------------------------- */

struct star_rules {
    const char *separators;      /* what no star stands for */
    const char *deep_separators; /* what not even two of them stand for; NULL: there are no such */
    const char *host_separators; /* the same, behind an '@' */
    size_t least;                /* how many characters a star stands for at least */
};

static const struct star_rules *rules_of(enum certificate_fact_kind kind)
{
    static const struct star_rules dns = {".", "", NULL, 1};
    static const struct star_rules uri = {"/?#", "?#", NULL, 1};
    static const struct star_rules mail = {"@", NULL, "@.", 1};
    static const struct star_rules sid = {"-", NULL, NULL, 1};

    switch ((int)kind) {
    case CERTIFICATE_FACT_DNS:
        return &dns;
    case CERTIFICATE_FACT_URI:
        return &uri;
    case CERTIFICATE_FACT_SID:
        return &sid;
    default:
        return &mail;
    }
}

struct star {
    bool is_set;
    bool is_deep;
    size_t behind; /* in the pattern */
    size_t taken;  /* where in the name what it stands for ends */
};

static bool may_stand_for(const struct star_rules *rules, const struct star *star,
                          struct slice name, bool generously)
{
    const char *separators = rules->separators;
    char character;

    if (star->taken >= name.size)
        return false;
    character = name.data[star->taken];
    if (character == '*')
        return generously;
    if (star->is_deep)
        separators = rules->deep_separators;
    else if (rules->host_separators != NULL &&
             slice_find(slice_first(name, star->taken), '@') < star->taken)
        separators = rules->host_separators;
    return character != '\0' && strchr(separators, character) == NULL;
}

static bool characters_match(char a, char b, bool generously)
{
    return a == b || (generously && ascii_lower(a) == ascii_lower(b));
}

static bool meet_star(const struct star_rules *rules, struct slice pattern, size_t *place,
                      struct slice name, size_t *at, struct star *star, bool generously)
{
    *star = (struct star){.is_set = true, .taken = *at};
    star->is_deep = rules->deep_separators != NULL && *place + 1 < pattern.size &&
                    pattern.data[*place + 1] == '*';
    *place += star->is_deep ? 2 : 1;
    star->behind = *place;
    for (size_t i = 0; i < rules->least; i++, star->taken++)
        if (!may_stand_for(rules, star, name, generously))
            return false;
    *at = star->taken;
    return true;
}

static bool matches(const struct star_rules *rules, struct slice pattern, struct slice name,
                    bool generously)
{
    struct star star = {.is_set = false};
    size_t place = 0;
    size_t at = 0;

    while (place < pattern.size || at < name.size) {
        if (place < pattern.size && pattern.data[place] == '*') {
            if (!meet_star(rules, pattern, &place, name, &at, &star, generously))
                return false;
        } else if (place < pattern.size && at < name.size &&
                   characters_match(pattern.data[place], name.data[at], generously)) {
            place++;
            at++;
        } else {
            if (!star.is_set || !may_stand_for(rules, &star, name, generously))
                return false;
            at = ++star.taken;
            place = star.behind;
        }
    }
    return true;
}

bool name_pattern_matches(const struct name_pattern *pattern, struct slice name, bool generously)
{
    return matches(rules_of(pattern->kind), pattern->text, name, generously);
}

bool name_pattern_matches_text(struct slice pattern, struct slice text, bool generously)
{
    static const struct star_rules anything = {"", NULL, NULL, 0};

    return matches(&anything, pattern, text, generously);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool has_star(struct slice text)
{
    return slice_find(text, '*') < text.size;
}

/* Where the first "**" is; the size when there is none. */
static size_t find_deep(struct slice text)
{
    for (size_t i = 0; i + 1 < text.size; i++)
        if (text.data[i] == '*' && text.data[i + 1] == '*')
            return i;
    return text.size;
}

static bool refuse(struct error *error, struct slice text, const char *because)
{
    error_set(error, ERROR_SYNTAX, "'%.*s' %s", SLICE_FORMAT(slice_first(text, 80)), because);
    return false;
}

static bool check_dns(struct slice form, struct slice text, struct error *error)
{
    size_t deep = find_deep(form);

    if (deep < form.size &&
        (deep != 0 || !slice_starts_with(form, SLICE("**.")) || has_star(slice_after(form, 3))))
        return refuse(error, text,
                      "has a '**' that is not all in front of the first '.', or a '*' "
                      "besides");
    return true;
}

static bool check_uri(struct slice form, struct slice text, struct error *error)
{
    size_t deep = find_deep(form);
    size_t scheme = slice_find(form, ':');
    struct slice rest = slice_after(form, scheme + 1);
    size_t path;

    if (!has_star(form))
        return true;
    if (!slice_starts_with(rest, SLICE("//")))
        return refuse(error, text,
                      "has a '*', which only stands for parts of a path behind "
                      "'scheme://host/'");
    path = scheme + 3 + slice_find(slice_after(rest, 2), '/');
    if (has_star(slice_first(form, path)))
        return refuse(error, text,
                      "has a '*' in front of the path, where it would match what "
                      "others own");
    if (deep < form.size && (deep + 2 != form.size || form.data[deep - 1] != '/'))
        return refuse(error, text, "has a '**' that is not the last segment");
    return true;
}

/* A host of stars alone would be anybody's. */
static bool check_mail(struct slice form, struct slice text, struct error *error)
{
    struct slice host = slice_after(form, slice_find(form, '@') + 1);

    for (size_t i = 0; i < host.size; i++)
        if (host.data[i] != '*' && host.data[i] != '.')
            return find_deep(form) == form.size ||
                   refuse(error, text, "has a '**', which has no meaning here");
    return refuse(error, text, "would match every host");
}

static bool check(enum certificate_fact_kind kind, struct slice form, struct slice text,
                  struct error *error)
{
    switch ((int)kind) {
    case CERTIFICATE_FACT_DNS:
        for (size_t i = 0; i < form.size; i++)
            if (form.data[i] != '*' && form.data[i] != '.')
                return check_dns(form, text, error);
        return refuse(error, text, "would match every name");
    case CERTIFICATE_FACT_URI:
        return check_uri(form, text, error);
    case CERTIFICATE_FACT_SID:
        return true;
    default:
        return check_mail(form, text, error);
    }
}

static const char *example_of(enum certificate_fact_kind kind)
{
    switch ((int)kind) {
    case CERTIFICATE_FACT_DNS:
        return "is not a DNS name such as a.example.com or *.example.com";
    case CERTIFICATE_FACT_URI:
        return "is not a URI such as spiffe://example.org/ns/* in the form in which they are "
               "compared";
    case CERTIFICATE_FACT_EMAIL:
        return "is not an e-mail address such as alice@example.com or *@example.com";
    case CERTIFICATE_FACT_SID:
        return "is not a security identifier such as S-1-5-21-1-2-3-1104 or S-1-5-21-1-2-3-*";
    default:
        return "is not a user principal name such as alice@example.com or *@example.com";
    }
}

/* A star stands where one number would. */
static bool parse_sid(struct slice text, struct arena *arena, struct slice *form)
{
    struct slice fixed = text;

    if (slice_ends_with(text, SLICE("-*")))
        fixed = slice_first(text, text.size - 2);
    if (!certificate_fact_canonicalise(CERTIFICATE_FACT_SID, fixed, arena, form))
        return false;
    *form = arena_copy(arena, text);
    return form->data != NULL;
}

bool name_pattern_parse(enum certificate_fact_kind kind, struct slice text, struct arena *arena,
                        struct name_pattern *pattern, struct error *error)
{
    struct slice form = SLICE("");
    bool is_read = kind == CERTIFICATE_FACT_SID
                       ? parse_sid(text, arena, &form)
                       : certificate_fact_canonicalise(kind, text, arena, &form);

    if (!is_read)
        return refuse(error, text, example_of(kind));
    if (!check(kind, form, text, error))
        return false;
    *pattern = (struct name_pattern){kind, form};
    return true;
}
