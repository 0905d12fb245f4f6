/* SPDX-License-Identifier: Apache-2.0
 *
 * Each certificate is a row: what it is, who issues it, and the files that it becomes. Issuers come
 * before what they issue.
 */
#include "app/demo/demo_pki_internal.h"

#include "app/pki/pki.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { SECONDS_OF_A_DAY = 24 * 60 * 60, CLOCK_SKEW_SECONDS = 5 * 60 };

enum member {
    ROOT,
    INTERMEDIATE,
    SERVER,
    SERVER_RSA,
    ALICE,
    EXPIRED,
    STRANGER_ROOT,
    STRANGER_INTERMEDIATE,
    STRANGER,
    BOB,
    CAROL,
    MEMBER_COUNT,
    NOBODY = MEMBER_COUNT
};

struct row {
    const char *common_name;
    enum pki_role role;
    enum pki_key key;
    enum member issuer; /* NOBODY: itself */
    int from_days;      /* from now; 0 is a few minutes ago, for clocks that differ a little */
    int to_days;
    const char *email;
    const char *uri;
    const char *chain_file; /* the certificate and, below a CA, its intermediate; NULL: none */
    const char *key_file;   /* NULL: none, and the key is forgotten */
    bool is_for_attacks;
};

/* The CAs are from two months ago, so that what they issued may have expired meanwhile. */
enum { CA_FROM = -60, CA_TO = 60, LEAF_TO = 30, EXPIRED_FROM = -31, EXPIRED_TO = -1 };

static const struct row rows[MEMBER_COUNT] = {
    [ROOT] =
        {
            .common_name = "Demo Root CA",
            .role = PKI_ROOT,
            .key = PKI_KEY_EC_P256,
            .issuer = NOBODY,
            .from_days = CA_FROM,
            .to_days = CA_TO,
            .chain_file = "root.pem",
        },
    [INTERMEDIATE] =
        {
            .common_name = "Demo Issuing CA",
            .role = PKI_INTERMEDIATE,
            .key = PKI_KEY_EC_P256,
            .issuer = ROOT,
            .from_days = CA_FROM,
            .to_days = CA_TO,
            .chain_file = "intermediate.pem",
        },
    [SERVER] =
        {
            .common_name = "localhost",
            .role = PKI_SERVER,
            .key = PKI_KEY_EC_P256,
            .issuer = INTERMEDIATE,
            .to_days = LEAF_TO,
            .chain_file = "server.pem",
            .key_file = "server.key",
        },
    [SERVER_RSA] =
        {
            .common_name = "localhost",
            .role = PKI_SERVER,
            .key = PKI_KEY_RSA_2048,
            .issuer = INTERMEDIATE,
            .to_days = LEAF_TO,
            .chain_file = "server-rsa.pem",
            .key_file = "server-rsa.key",
        },
    [ALICE] =
        {
            .common_name = "alice",
            .role = PKI_CLIENT,
            .key = PKI_KEY_EC_P256,
            .issuer = INTERMEDIATE,
            .to_days = LEAF_TO,
            .email = "alice@example.com",
            .uri = "spiffe://example.com/alice",
            .chain_file = "alice.pem",
            .key_file = "alice.key",
        },
    [EXPIRED] =
        {
            .common_name = "expired",
            .role = PKI_CLIENT,
            .key = PKI_KEY_EC_P256,
            .issuer = INTERMEDIATE,
            .from_days = EXPIRED_FROM,
            .to_days = EXPIRED_TO,
            .email = "expired@example.com",
            .chain_file = "expired.pem",
            .key_file = "expired.key",
        },
    /* The stranger's CA has the same names; only its keys are others. */
    [STRANGER_ROOT] =
        {
            .common_name = "Demo Root CA",
            .role = PKI_ROOT,
            .key = PKI_KEY_EC_P256,
            .issuer = NOBODY,
            .from_days = CA_FROM,
            .to_days = CA_TO,
        },
    [STRANGER_INTERMEDIATE] =
        {
            .common_name = "Demo Issuing CA",
            .role = PKI_INTERMEDIATE,
            .key = PKI_KEY_EC_P256,
            .issuer = STRANGER_ROOT,
            .from_days = CA_FROM,
            .to_days = CA_TO,
        },
    [STRANGER] =
        {
            .common_name = "alice",
            .role = PKI_CLIENT,
            .key = PKI_KEY_EC_P256,
            .issuer = STRANGER_INTERMEDIATE,
            .to_days = LEAF_TO,
            .email = "alice@example.com",
            .uri = "spiffe://example.com/alice",
            .chain_file = "stranger.pem",
            .key_file = "stranger.key",
        },
    [BOB] =
        {
            .common_name = "bob",
            .role = PKI_CLIENT,
            .key = PKI_KEY_EC_P256,
            .issuer = INTERMEDIATE,
            .to_days = LEAF_TO,
            .chain_file = "bob.pem",
            .key_file = "bob.key",
            .is_for_attacks = true,
        },
    [CAROL] =
        {
            .common_name = "carol",
            .role = PKI_CLIENT,
            .key = PKI_KEY_EC_P256,
            .issuer = INTERMEDIATE,
            .to_days = LEAF_TO,
            .chain_file = "carol.pem",
            .key_file = "carol.key",
            .is_for_attacks = true,
        },
};

static int64_t date_of(int days)
{
    int64_t now = clock_wall_seconds();

    return days == 0 ? now - CLOCK_SKEW_SECONDS : now + (int64_t)days * SECONDS_OF_A_DAY;
}

static bool issue(struct pki_certificate *members, enum member member, const char *server_address,
                  struct error *error)
{
    static const char *const host_names[] = {"localhost", NULL};
    const struct row *row = &rows[member];
    const char *const addresses[] = {"127.0.0.1", "::1", server_address, NULL};
    const char *const uris[] = {row->uri, NULL};
    const struct pki_request request = {
        .role = row->role,
        .key = row->key,
        .common_name = row->common_name,
        .organization = "Sallyport Demo",
        .dns_names = row->role == PKI_SERVER ? host_names : NULL,
        .ip_addresses = row->role == PKI_SERVER ? addresses : NULL,
        .uris = uris,
        .email = row->email,
        .not_before = date_of(row->from_days),
        .not_after = date_of(row->to_days),
    };

    return pki_issue(&request, row->issuer == NOBODY ? NULL : &members[row->issuer],
                     &members[member], error);
}

/* What is sent along: the issuers of a leaf, without the root. */
static size_t list_issuers(const struct pki_certificate *members, enum member member,
                           const struct pki_certificate *issuers[MEMBER_COUNT])
{
    enum member above = rows[member].issuer;
    size_t count = 0;

    while (above != NOBODY && rows[above].issuer != NOBODY) {
        issuers[count++] = &members[above];
        above = rows[above].issuer;
    }
    return count;
}

static bool write_member(const struct demo_directory *directory,
                         const struct pki_certificate *members, enum member member,
                         struct error *error)
{
    const struct row *row = &rows[member];
    const struct pki_certificate *issuers[MEMBER_COUNT] = {NULL};
    size_t issuer_count = list_issuers(members, member, issuers);
    bool written = true;

    if (row->chain_file != NULL) {
        char *path = demo_directory_path(directory, row->chain_file);

        written = pki_write_chain(path, &members[member], issuers, issuer_count, error);
        memory_release(path);
    }
    if (written && row->key_file != NULL) {
        char *path = demo_directory_path(directory, row->key_file);

        written = pki_write_key(path, &members[member], error);
        memory_release(path);
    }
    return written;
}

/* The keys that sign revocation lists, and a CA of somebody else. */
static bool write_for_attacks(const struct demo_directory *directory,
                              const struct pki_certificate *members, struct error *error)
{
    char *key = demo_directory_path(directory, "intermediate.key");
    char *other = demo_directory_path(directory, "vault-ca.pem");
    char *root_key = demo_directory_path(directory, "root.key");
    bool written = pki_write_key(key, &members[INTERMEDIATE], error) &&
                   pki_write_key(root_key, &members[ROOT], error) &&
                   pki_write_chain(other, &members[STRANGER_ROOT], NULL, 0, error);

    memory_release(key);
    memory_release(root_key);
    memory_release(other);
    return written;
}

/* What the gateway trusts, and what a browser imports. */
static bool write_extras(const struct demo_directory *directory,
                         const struct pki_certificate *members, struct error *error)
{
    const struct pki_certificate *issuers[MEMBER_COUNT] = {NULL};
    size_t issuer_count = list_issuers(members, ALICE, issuers);
    char *trust = demo_directory_path(directory, "client-ca.pem");
    char *bundle = demo_directory_path(directory, "alice.p12");
    bool written =
        pki_write_chain(trust, &members[ROOT], NULL, 0, error) &&
        pki_write_pkcs12(bundle, &members[ALICE], issuers, issuer_count, DEMO_PASSWORD, error);

    memory_release(trust);
    memory_release(bundle);
    return written;
}

bool demo_pki_write(const struct demo_directory *directory, const char *server_address,
                    bool is_for_attacks, struct error *error)
{
    struct pki_certificate members[MEMBER_COUNT] = {{NULL, NULL}};
    bool written = true;

    for (unsigned i = 0; i < MEMBER_COUNT && written; i++) {
        if (is_for_attacks || !rows[i].is_for_attacks)
            written = issue(members, (enum member)i, server_address, error) &&
                      write_member(directory, members, (enum member)i, error);
    }
    written = written && write_extras(directory, members, error) &&
              (!is_for_attacks || write_for_attacks(directory, members, error));
    for (unsigned i = 0; i < MEMBER_COUNT; i++)
        pki_certificate_reset(&members[i]);
    return written;
}
