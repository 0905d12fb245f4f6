/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature by which a backend knows that the identity headers are the gateway's: an HTTP
 * Message Signature over what the request asks for and over every identity header that it has. A
 * header that is not covered is none of ours, so that absence is signed too; the verification is
 * always there. It is made of the bytes that were written, not of what they were made of.
 */
#include "gateway/rewrite/rewrite_internal.h"

#include "protocol/http/http_host.h"
#include "protocol/signature/http_signature.h"
#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"
#include "runtime/random.h"

enum {
    NONCE_BYTES = 16,
    NONCE_TEXT_MAX = 32,
    SIGNATURE_TEXT_MAX = 128,
    DERIVED_COUNT = 3, /* @method, @authority, @request-target */
    AUTHORITY_BYTES_MAX = HTTP_HOST_BYTES_MAX + 16
};

struct rewrite_signer {
    struct signing_key *key;
    char *keyid;
    int64_t lifetime;
    bool is_tls;
};

struct rewrite_signer *rewrite_signer_create(const struct rewrite_signer_settings *settings,
                                             struct error *error)
{
    struct signing_key *key = signing_key_read(settings->key_file, settings->algorithm, error);
    struct rewrite_signer *signer;

    if (key == NULL)
        return NULL;
    signer = memory_allocate(sizeof(*signer));
    signer->key = key;
    signer->keyid = memory_copy_text(settings->keyid);
    signer->lifetime = settings->lifetime_seconds;
    signer->is_tls = settings->is_tls;
    return signer;
}

void rewrite_signer_destroy(struct rewrite_signer *signer)
{
    if (signer == NULL)
        return;
    signing_key_destroy(signer->key);
    memory_release(signer->keyid);
    memory_release(signer);
}

/* ---- what is covered ------------------------------------------------------------------------- */

struct covered {
    struct http_signature_component components[HTTP_SIGNATURE_COMPONENTS_MAX];
    size_t count;
    char authority[AUTHORITY_BYTES_MAX];
};

static void cover(struct covered *covered, struct slice name, struct slice value)
{
    covered->components[covered->count++] = (struct http_signature_component){name, value};
}

/* RFC 9421 section 2.2.3: in lower case, without the port that the scheme has by default. */
static struct slice normalise_authority(const struct rewrite_signer *signer, struct slice host,
                                        char memory[AUTHORITY_BYTES_MAX])
{
    struct slice port = signer->is_tls ? SLICE(":443") : SLICE(":80");

    if (slice_ends_with(host, port))
        host.size -= port.size;
    else if (slice_ends_with(host, SLICE(":")))
        host.size--;
    if (host.size > AUTHORITY_BYTES_MAX)
        return SLICE("");
    for (size_t i = 0; i < host.size; i++)
        memory[i] = ascii_lower(host.data[i]);
    return slice_from(memory, host.size);
}

/* "METHOD TARGET HTTP/1.1", as it was written. */
static bool cover_request_line(struct covered *covered, struct slice head, struct slice authority)
{
    size_t method_end = slice_find(head, ' ');
    struct slice rest = slice_after(head, method_end + 1);
    size_t target_end = slice_find(rest, ' ');

    if (method_end == head.size || target_end == rest.size || slice_is_empty(authority))
        return false;
    cover(covered, SLICE("@method"), slice_first(head, method_end));
    cover(covered, SLICE("@authority"), authority);
    cover(covered, SLICE("@request-target"), slice_first(rest, target_end));
    return true;
}

/* Each line as it was written. */
static bool cover_lines(struct covered *covered, struct slice lines)
{
    while (!slice_is_empty(lines)) {
        size_t end = slice_find(lines, '\r');
        struct slice line = slice_first(lines, end);
        size_t colon = slice_find(line, ':');

        if (end == lines.size || colon == line.size ||
            covered->count == HTTP_SIGNATURE_COMPONENTS_MAX)
            return false;
        cover(covered, slice_first(line, colon), slice_trim(slice_after(line, colon + 1)));
        lines = slice_after(lines, end + 2);
    }
    return true;
}

/* ---- the signature --------------------------------------------------------------------------- */

static bool write_input(const struct covered *covered,
                        const struct http_signature_parameters *parameters, char *memory,
                        size_t size, struct rewrite_writer *writer)
{
    struct buffer value;

    buffer_init(&value, memory, size);
    if (!buffer_append(&value, SLICE(REWRITE_SIGNATURE_LABEL "=")) ||
        !http_signature_write_parameters(covered->components, covered->count, parameters, &value))
        return false;
    rewrite_write_field(writer, SLICE("Signature-Input"), buffer_readable(&value));
    return true;
}

static bool write_signature(const struct rewrite_signer *signer, const struct covered *covered,
                            const struct http_signature_parameters *parameters, char *memory,
                            size_t size, struct rewrite_writer *writer)
{
    unsigned char signature[SIGNATURE_BYTES_MAX];
    char text[SIGNATURE_TEXT_MAX];
    struct buffer base;
    struct buffer value;
    size_t count = 0;

    buffer_init(&base, memory, size);
    if (!http_signature_write_base(covered->components, covered->count, parameters, &base))
        return false;
    count = signing_key_sign(signer->key, buffer_readable(&base), signature);
    buffer_init(&value, text, sizeof(text));
    if (count == 0 || !buffer_append(&value, SLICE(REWRITE_SIGNATURE_LABEL "=:")) ||
        !encode_base64(&value, slice_from(signature, count)) || !buffer_append_byte(&value, ':'))
        return false;
    rewrite_write_field(writer, SLICE("Signature"), buffer_readable(&value));
    return true;
}

static struct slice draw_nonce(char text[NONCE_TEXT_MAX])
{
    unsigned char random[NONCE_BYTES];
    struct buffer to;

    random_fill(random, sizeof(random));
    buffer_init(&to, text, NONCE_TEXT_MAX);
    return encode_base64(&to, slice_from(random, sizeof(random))) ? buffer_readable(&to)
                                                                  : SLICE("");
}

bool rewrite_sign(const struct rewrite_signer *signer, struct slice host, size_t identity_start,
                  struct rewrite_writer *writer)
{
    struct covered covered = {.count = 0};
    const struct buffer *to = writer->to;
    char nonce[NONCE_TEXT_MAX];
    int64_t now = clock_wall_seconds();
    struct http_signature_parameters parameters = {
        .created = now,
        .expires = now + signer->lifetime,
        .nonce = draw_nonce(nonce),
        .algorithm = signing_algorithm_name(signing_key_algorithm(signer->key)),
        .keyid = slice_from_text(signer->keyid),
        .tag = SLICE(REWRITE_SIGNATURE_LABEL),
    };
    struct slice head = slice_from(to->data + writer->start, to->written - writer->start);
    struct slice lines = slice_from(to->data + identity_start, to->written - identity_start);
    char *memory = NULL;
    size_t size = 0;
    bool is_signed;

    if (!cover_request_line(&covered, head, normalise_authority(signer, host, covered.authority)) ||
        !cover_lines(&covered, lines) || covered.count == DERIVED_COUNT)
        return false;
    size = http_signature_bytes_max(covered.components, covered.count, &parameters);
    memory = memory_allocate(size);
    is_signed = write_input(&covered, &parameters, memory, size, writer) &&
                write_signature(signer, &covered, &parameters, memory, size, writer);
    memory_release(memory);
    return is_signed;
}
