/* SPDX-License-Identifier: Apache-2.0
 *
 * The table. What a mapping refers to stands above it; the root is the last.
 *
 * Where a setting is known and not supported yet, it is here by name, so that nobody who read of
 * it is told that it does not exist.
 */
#include "app/config/settings_table.h"

#include "app/config/settings_table_internal.h"
#include "app/config/special_settings_internal.h"
#include "gateway/generation/generation_settings.h"
#include "gateway/listener/listener.h"
#include "protocol/tls/tls_pkcs11.h"

/* clang-format off */

/* --- TLS profiles ----------------------------------------------------------------------------- */

static bool key_is_valid(struct slice text, struct error *error)
{
    if (!slice_starts_with(text, SLICE("pkcs11:")))
        return true;
    return tls_pkcs11_uri_is_valid(text, error);
}

static const struct setting certificate_settings[] = {
    {
        .name = "chain", .type = SETTING_PATH,
        FIELD(struct tls_certificate_settings, chain),
        .otherwise = "`directory` or `pfx` is needed",
        .meaning = "The server's certificate and, behind it, the intermediates, in PEM.",
        .example = "chain: server.pem\nkey: server.key\n",
    },
    {
        .name = "key", .type = SETTING_PATH, .is_valid = key_is_valid,
        FIELD(struct tls_certificate_settings, key),
        .otherwise = "`directory` or `pfx` is needed",
        .meaning = "The private key of the certificate: a file in PEM, or the PKCS #11 URI "
                   "(RFC 7512) of a key in a token, such as "
                   "`pkcs11:token=gateway;object=server;type=private?pin-source=file:/etc/pin`. "
                   "The PIN may be `key_password` instead; it is never in the URI.",
        .example = "chain: server.pem\nkey: server.key\n",
    },
    {
        .name = "key_password", .type = SETTING_TEXT, .is_secret = true,
        FIELD(struct tls_certificate_settings, key_password),
        .otherwise = "the key is not encrypted",
        .meaning = "What the key is encrypted with, or the PIN of the token that it is in; best as "
                   "`${file:PATH}`.",
        .example = "chain: server.pem\nkey: server.key\n"
                   "key_password: \"${KEY_PASSWORD:-secret}\"\n",
    },
    {
        .name = "directory", .type = SETTING_PATH,
        FIELD(struct tls_certificate_settings, directory),
        .otherwise = "`chain` and `key`, or `pfx`",
        .meaning = "A directory with `tls.crt` and `tls.key` (Kubernetes), `fullchain.pem` and "
                   "`privkey.pem` (certbot), or `svid.pem` and `svid_key.pem` (SPIFFE).",
        .example = "directory: /etc/letsencrypt/live/example.com\n",
    },
    {
        .name = "pfx", .type = SETTING_PATH,
        FIELD(struct tls_certificate_settings, pfx),
        .otherwise = "`chain` and `key`, or `directory`",
        .meaning = "Certificate, key and intermediates in one file, PKCS #12. Old encryptions are "
                   "read too.",
        .example = "pfx: server.pfx\n",
    },
    {
        .name = "password", .type = SETTING_TEXT, .is_secret = true,
        FIELD(struct tls_certificate_settings, password),
        .otherwise = "none",
        .meaning = "The password of `pfx`; best as `${file:PATH}`.",
        .example = "pfx: server.pfx\npassword: \"${PFX_PASSWORD:-secret}\"\n",
    },
};

static const struct settings_mapping certificate_mapping = {
    .title = "tls_profiles.NAME.certificates[]",
    .meaning = "A certificate that the gateway shows to clients, and its key: `chain` and `key`, "
               "or `directory`, or `pfx`.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "tls_profiles:\n"
             "  public:\n"
             "    certificates:\n"
             "      -\n"
             "        @\n",
    SETTINGS(certificate_settings),
    .size = sizeof(struct tls_certificate_settings),
    POSITION(struct tls_certificate_settings),
    .finish = settings_finish_certificate,
};

static const struct setting_choice tls_version_choices[] = {
    {"1.2", TLS_VERSION_1_2, false},
    {"1.3", TLS_VERSION_1_3, false},
    {NULL, 0, false},
};

static const struct setting policy_settings[] = {
    {
        .name = "min_version", .type = SETTING_CHOICE, .choices = tls_version_choices,
        .default_text = "1.2", FIELD(struct tls_profile_settings, min_version),
        .meaning = "The lowest version of TLS that is spoken.",
        .example = "min_version: \"1.3\"\n",
    },
    {
        .name = "max_version", .type = SETTING_CHOICE, .choices = tls_version_choices,
        .default_text = "1.3", FIELD(struct tls_profile_settings, max_version),
        .meaning = "The highest version of TLS that is spoken.",
        .example = "max_version: \"1.2\"\n",
    },
    {
        .name = "ciphers", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST,
        .read = settings_read_ciphers, .expects = "a list of text",
        .otherwise = "ECDHE with AEAD",
        .meaning = "Ciphers in order of preference, by OpenSSL's names or, of those in Azure's "
                   "policies, by the IANA's, such as `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`. "
                   "Those that begin with `TLS_` and have no `_WITH_` are for TLS 1.3.",
        .example = "ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256, TLS_AES_128_GCM_SHA256]\n",
    },
    {
        .name = "groups", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST,
        .read = settings_read_groups, .expects = "a list of text",
        .otherwise = "X25519, P-256 and P-384",
        .meaning = "Groups for the key exchange in order of preference, by OpenSSL's names.",
        .example = "groups: [X25519, P-256]\n",
    },
};

static const struct settings_mapping policy_mapping = {
    .title = "tls_profiles.NAME.policy",
    .meaning = "The versions and ciphers of TLS.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "tls_profiles:\n"
             "  public:\n"
             "    certificates: [{ chain: server.pem, key: server.key }]\n"
             "    policy:\n"
             "      @\n",
    SETTINGS(policy_settings),
    .size = sizeof(struct tls_profile_settings),
    .finish = settings_finish_policy,
};

static bool alpn_is_valid(struct slice text, struct error *error)
{
    if (slice_equals(text, SLICE("http/1.1")))
        return true;
    if (slice_equals(text, SLICE("h2")))
        error_set(error, ERROR_VALUE, "'alpn: h2' is not supported yet");
    else
        error_set(error, ERROR_VALUE, "'alpn' may hold http/1.1, not '%.80s'", text.data);
    return false;
}

static const struct setting tls_profile_settings[] = {
    {
        .name = "certificates", .type = SETTING_ITEMS, .is_required = true,
        .mapping = &certificate_mapping,
        LIST_FIELD(struct tls_profile_settings, certificates, certificate_count),
        .meaning = "What the gateway shows to clients: at most one certificate a type of key.",
        .example = "certificates:\n"
                   "  - { chain: server-ecdsa.pem, key: server-ecdsa.key }\n"
                   "  - { chain: server-rsa.pem, key: server-rsa.key }\n",
    },
    {
        .name = "policy", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .is_embedded = true,
        .read = settings_read_policy, .mapping = &policy_mapping,
        .expects = "a mapping or the name of a predefined policy",
        .meaning = "The versions and ciphers of TLS: in a mapping, or by the name of a predefined "
                   "policy of Azure Application Gateway: AppGwSslPolicy20150501, "
                   "AppGwSslPolicy20170401, AppGwSslPolicy20170401S, AppGwSslPolicy20220101, "
                   "AppGwSslPolicy20220101S. Of the older ones, TLS 1.0 and 1.1 and suites with "
                   "DHE or 3DES are left out, with a warning.",
        .example = "policy: { min_version: \"1.3\" }\n",
    },
    {
        .name = "alpn", .type = SETTING_TEXTS, .is_valid = alpn_is_valid,
        .default_text = "[http/1.1]", FIELD(struct tls_profile_settings, alpn),
        .meaning = "The protocols offered to clients, in order of preference.",
        .example = "alpn: [http/1.1]\n",
    },
};

static const struct settings_mapping tls_profile_mapping = {
    .title = "tls_profiles.NAME",
    .meaning = "A TLS profile: certificates, versions, ciphers. Listeners use it by name, or have "
               "one in place.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "tls_profiles:\n"
             "  public:\n"
             "    certificates: [{ chain: server.pem, key: server.key }]\n"
             "    @\n",
    SETTINGS(tls_profile_settings),
    .size = sizeof(struct tls_profile_settings),
    POSITION(struct tls_profile_settings),
    .name_offset = offsetof(struct tls_profile_settings, name),
    .finish = settings_register_tls_profile,
};

/* --- Trust profiles --------------------------------------------------------------------------- */

static const struct setting anchor_settings[] = {
    {
        .name = "name", .type = SETTING_TEXT, .is_valid = settings_name_is_valid,
        FIELD(struct anchor_entry, name),
        .otherwise = "no name",
        .meaning = "What the anchors of the file are called.",
        .example = "name: contoso\n",
    },
    {
        .name = "file", .type = SETTING_TEXT, .is_path = true, .is_required = true,
        FIELD(struct anchor_entry, file),
        .meaning = "A file of trust anchors: any number in PEM, or one in DER; or a directory or "
                   "pattern of files.",
        .example = "file: contoso.pem\n",
    },
};

static const struct settings_mapping anchor_mapping = {
    .title = "trust_profiles.NAME.anchors[]",
    .meaning = "A file of trust anchors with a name.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "trust_profiles:\n"
             "  partners:\n"
             "    anchors:\n"
             "      -\n"
             "        file: contoso.pem\n"
             "        @\n",
    SETTINGS(anchor_settings),
    .size = sizeof(struct anchor_entry),
};

static const struct setting_choice upload_rule_choices[] = {
    {"none", TRUST_UPLOAD_RULES_NONE, false},
    {"azure", TRUST_UPLOAD_RULES_AZURE, false},
    {NULL, 0, false},
};

/* --- Revocation ------------------------------------------------------------------------------- */

static const struct setting_choice require_choices[] = {
    {"first_answer", REVOCATION_REQUIRE_FIRST_ANSWER, false},
    {"all", REVOCATION_REQUIRE_ALL, false},
    {NULL, 0, false},
};

static const struct setting_choice applies_to_choices[] = {
    {"leaf", REVOCATION_OF_LEAF, false},
    {"chain", REVOCATION_OF_CHAIN, false},
    {NULL, 0, false},
};

#define FRAME_REVOCATION                                                                           \
    "version: 1\n" FRAME_LISTENERS                                                                 \
    "trust_profiles:\n"                                                                            \
    "  partners:\n"                                                                                \
    "    anchors: [partners.pem]\n"                                                                \
    "    revocation:\n"

static const struct setting exception_settings[] = {
    {
        .name = "accept_last_good", .type = SETTING_DURATION,
        .otherwise = "it is needed", .min = 1 * SECONDS, .max = 366 * 24 * HOURS,
        FIELD(struct revocation_exception, last_good_ms),
        .meaning = "How long after the end of the last good answer clients are still accepted.",
        .example = "accept_last_good: 2h\n",
    },
};

static const struct settings_mapping exception_mapping = {
    .title = "trust_profiles.NAME.revocation.when_unavailable",
    .meaning = "Accepts clients for a while when nobody can say whether they are revoked. "
               "`when_crl_expired` takes the same.",
    .frame = FRAME_REVOCATION
             "      sources: [crl]\n"
             "      crl: { files: [partner.crl] }\n"
             "      when_unavailable:\n"
             "        @\n",
    SETTINGS(exception_settings),
    .size = sizeof(struct revocation_exception),
};

static const struct setting crl_settings[] = {
    {
        .name = "files", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_LIST, .read = settings_read_crl_files,
        .expects = "a list of files",
        LIST_FIELD(struct crl_settings, files, file_count),
        .otherwise = "none",
        .meaning = "Files of revocation lists: any number in PEM, or one in DER, complete or delta "
                   "lists; the last part of a path may be a pattern, such as `crls/*.crl`. They "
                   "are watched: a new list counts from the next request on, and one that is "
                   "broken, or older than the one in use, is reported and not used.",
        .example = "files: [partner.crl]\n",
    },
    {
        .name = "urls", .type = SETTING_TEXTS, .is_valid = settings_responder_is_valid,
        FIELD(struct crl_settings, urls),
        .otherwise = "none",
        .meaning = "Where lists are fetched from. Addresses that are not public are refused, "
                   "unless `fetch.allow` has them.",
        .example = "urls: [\"http://crl.example.com/issuing.crl\"]\n",
    },
    {
        .name = "from_certificate", .type = SETTING_BOOLEAN, .default_text = "false",
        FIELD(struct crl_settings, from_certificate),
        .meaning = "Fetch the lists that certificates name as their distribution points, by http "
                   "and https; only for clients that were verified and hold their key.",
        .example = "from_certificate: true\n",
    },
    {
        .name = "refresh", .type = SETTING_DURATION, .default_text = "1h",
        .min = 1 * SECONDS, .max = 30 * 24 * HOURS, FIELD(struct crl_settings, refresh_ms),
        .meaning = "How often a list is fetched at least; it is fetched sooner when it ends "
                   "sooner.",
        .example = "urls: [\"http://crl.example.com/issuing.crl\"]\nrefresh: 10m\n",
    },
};

static const struct settings_mapping crl_mapping = {
    .title = "trust_profiles.NAME.revocation.crl",
    .meaning = "Where revocation lists come from.",
    .frame = FRAME_REVOCATION
             "      sources: [crl]\n"
             "      crl:\n"
             "        @\n",
    SETTINGS(crl_settings),
    .size = sizeof(struct crl_settings),
    POSITION(struct crl_settings),
};

static const struct setting_choice ocsp_method_choices[] = {
    {"auto", OCSP_METHOD_AUTO, false},
    {"get", OCSP_METHOD_GET, false},
    {"post", OCSP_METHOD_POST, false},
    {NULL, 0, false},
};

static const struct setting_choice ocsp_nonce_choices[] = {
    {"optional", OCSP_NONCE_OPTIONAL, false},
    {"required", OCSP_NONCE_REQUIRED, false},
    {"off", OCSP_NONCE_OFF, false},
    {NULL, 0, false},
};

static const struct setting_choice ocsp_hash_choices[] = {
    {"sha1", OCSP_HASH_SHA1, false},
    {"sha256", OCSP_HASH_SHA256, false},
    {NULL, 0, false},
};

static const struct setting ocsp_settings[] = {
    {
        .name = "responder", .type = SETTING_TEXT, .is_valid = settings_responder_is_valid,
        FIELD(struct ocsp_settings, responder),
        .otherwise = "the first http or https responder that the certificate names",
        .meaning = "The responder that is asked, whatever certificates name. Its answers count as "
                   "those of any other: signed by the issuer, or by whom the issuer certified.",
        .example = "responder: \"http://ocsp.example.com/\"\n",
    },
    {
        .name = "method", .type = SETTING_CHOICE, .choices = ocsp_method_choices,
        .default_text = "auto", FIELD(struct ocsp_settings, method),
        .meaning = "`auto`: GET for a question of at most 255 characters without a nonce, which "
                   "caches can answer, else POST. `get` asks nothing that is longer.",
        .example = "method: post\n",
    },
    {
        .name = "nonce", .type = SETTING_CHOICE, .choices = ocsp_nonce_choices,
        .default_text = "optional", FIELD(struct ocsp_settings, nonce),
        .meaning = "A number that is sent and comes back, so that an answer cannot be an old one. "
                   "`optional`: an answer without it counts, one with another does not. "
                   "`required`: only an answer with it counts. Public responders often leave it "
                   "out.",
        .example = "nonce: required\n",
    },
    {
        .name = "hash", .type = SETTING_CHOICE, .choices = ocsp_hash_choices,
        .default_text = "sha1", FIELD(struct ocsp_settings, hash),
        .meaning = "By which digest of its issuer a certificate is named to the responder. Nothing "
                   "rests on its strength, and many responders know SHA-1 only.",
        .example = "hash: sha256\n",
    },
    {
        .name = "timeout", .type = SETTING_DURATION, .default_text = "3s",
        .min = 1, .max = 60 * SECONDS, FIELD(struct ocsp_settings, timeout_ms),
        .meaning = "How long a responder may take, redirects included. Requests wait no longer "
                   "than `limits.revocation_time`.",
        .example = "timeout: 1s\n",
    },
};

static const struct settings_mapping ocsp_mapping = {
    .title = "trust_profiles.NAME.revocation.ocsp",
    .meaning = "How responders are asked (OCSP, RFC 6960).",
    .frame = FRAME_REVOCATION
             "      sources: [ocsp]\n"
             "      ocsp:\n"
             "        @\n",
    SETTINGS(ocsp_settings),
    .size = sizeof(struct ocsp_settings),
};

static const struct setting revocation_settings[] = {
    {
        .name = "sources", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST,
        .is_required = true, .read = settings_read_revocation_sources,
        .expects = "a list of crl and ocsp",
        FIELD(struct revocation_settings, sources),
        .meaning = "Who is asked. `revoked` of any of them always counts.",
        .example = "sources: [crl]\ncrl: { files: [partner.crl] }\n",
    },
    {
        .name = "require", .type = SETTING_CHOICE, .choices = require_choices,
        .default_text = "first_answer", FIELD(struct revocation_settings, require),
        .meaning = "Is it enough that one source says that a certificate is good, or must `all`?",
        .example = "require: all\n",
    },
    {
        .name = "applies_to", .type = SETTING_CHOICE, .choices = applies_to_choices,
        .default_text = "leaf", FIELD(struct revocation_settings, applies_to),
        .meaning = "`leaf`: the client's certificate. `chain`: those of its issuers too, but the "
                   "anchor.",
        .example = "applies_to: chain\n",
    },
    {
        .name = "when_unavailable", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .read = settings_read_exception,
        .mapping = &exception_mapping,
        .expects = "refuse, accept, or { accept_last_good: DURATION }",
        .default_text = "refuse", FIELD(struct revocation_settings, when_unavailable),
        .meaning = "What is done when no source can say whether a certificate is revoked.",
        .example = "when_unavailable: { accept_last_good: 2h }\n",
    },
    {
        .name = "when_crl_expired", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .read = settings_read_exception,
        .mapping = &exception_mapping,
        .expects = "refuse, accept, or { accept_last_good: DURATION }",
        .default_text = "refuse", FIELD(struct revocation_settings, when_crl_expired),
        .meaning = "What is done when the list has expired that does not name the certificate. "
                   "Whoever it names stays revoked.",
        .example = "when_crl_expired: { accept_last_good: 12h }\n",
    },
    {
        .name = "crl", .type = SETTING_MAPPING, .mapping = &crl_mapping,
        FIELD(struct revocation_settings, crl),
        .otherwise = "no lists",
        .meaning = "Where revocation lists come from.",
        .example = "crl: { files: [partner.crl] }\n",
    },
    {
        .name = "ocsp", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &ocsp_mapping,
        FIELD(struct revocation_settings, ocsp),
        .meaning = "How responders are asked.",
        .example = "ocsp: { responder: \"http://ocsp.example.com/\", nonce: required }\n",
    },
};

static const struct settings_mapping revocation_mapping = {
    .title = "trust_profiles.NAME.revocation",
    .meaning = "Whether the certificates of clients are revoked; see "
               "[REVOCATION.md](REVOCATION.md).",
    .frame = FRAME_REVOCATION
             "      sources: [crl]\n"
             "      crl: { files: [partner.crl] }\n"
             "      @\n",
    SETTINGS(revocation_settings),
    .size = sizeof(struct revocation_settings),
    POSITION(struct revocation_settings),
    .finish = settings_finish_revocation,
};

static const struct setting_choice key_usage_choices[] = {
    {"client_auth", PATH_PURPOSE_CLIENT, false},
    {"client_auth_required", PATH_PURPOSE_CLIENT_REQUIRED, false},
    {"any", PATH_PURPOSE_ANY, false},
    {NULL, 0, false},
};

static const struct setting_choice signature_hash_choices[] = {
    {"sha256", PATH_HASH_SHA256, false},
    {"sha384", PATH_HASH_SHA384, false},
    {"sha512", PATH_HASH_SHA512, false},
    {NULL, 0, false},
};

static const struct settings_mapping trust_profile_mapping;

static const struct setting trust_profile_settings[] = {
    {
        .name = "anchors", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_LIST, .is_required = true, .read = settings_read_anchors,
        .mapping = &anchor_mapping,
        .expects = "a list of files, or of mappings with a name and a file",
        LIST_FIELD(struct trust_profile_settings, anchors, anchor_count),
        .meaning = "The certificates of the CAs that are trusted to issue the clients'. A "
                   "directory stands for all files in it that end with .pem, .crt, .cer or .der; "
                   "the last part of a path may be a pattern, such as `partners.d/*.pem`. One that "
                   "stands for no file is an error. A file that comes or goes is noticed.",
        .example = "anchors: [internal-ca.pem, { name: contoso, file: contoso.pem }]\n",
    },
    {
        .name = "intermediates", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_LIST, .read = settings_read_intermediates,
        .expects = "a list of files",
        LIST_FIELD(struct trust_profile_settings, intermediates, intermediate_count),
        .otherwise = "none",
        .meaning = "Certificates of CAs between the anchors and the clients, for clients that do "
                   "not show them. They help to find a path, and are not trusted.",
        .example = "intermediates: [issuing-ca.pem]\n",
    },
    {
        .name = "upload_rules", .type = SETTING_CHOICE, .choices = upload_rule_choices,
        .default_text = "none", FIELD(struct trust_profile_settings, upload_rules),
        .meaning = "`azure`: refuse a file of anchors for what Azure Application Gateway refuses "
                   "it for, under the same names, so that it can be used there too.",
        .example = "upload_rules: azure\n",
    },
    {
        .name = "partial_chain", .type = SETTING_BOOLEAN, .default_text = "false",
        FIELD(struct trust_profile_settings, partial_chain),
        .meaning = "May a path end at an anchor that is not self-signed, such as an intermediate? "
                   "Without it, such an anchor needs its issuer among the anchors.",
        .example = "partial_chain: true\n",
    },
    {
        .name = "depth", .type = SETTING_COUNT, .default_text = "4", .min = 0, .max = 10,
        FIELD(struct trust_profile_settings, depth),
        .meaning = "How many CA certificates there may be between a client's certificate and the "
                   "anchor.",
        .example = "depth: 2\n",
    },
    {
        .name = "send_ca_names", .type = SETTING_BOOLEAN, .default_text = "true",
        FIELD(struct trust_profile_settings, send_ca_names),
        .meaning = "Tell clients the names of the anchors, by which they choose a certificate.",
        .example = "send_ca_names: false\n",
    },
    {
        .name = "issuers", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_LIST, .read = settings_read_intermediates,
        .expects = "a list of files",
        LIST_FIELD(struct trust_profile_settings, issuers, issuer_count),
        .otherwise = "any CA on a path to an anchor",
        .meaning = "Certificates of the CAs that may have issued a client's certificate. The name "
                   "and the key must be those of one of them: another CA of the same name, and "
                   "another CA below the same anchor, are refused.",
        .example = "issuers: [issuing-ca.pem]\n",
    },
    {
        .name = "verify_issuer_dn", .type = SETTING_BOOLEAN, .default_text = "false",
        FIELD(struct trust_profile_settings, verify_issuer_dn),
        .meaning = "Azure's `verifyClientCertIssuerDN`: the issuer that a client's certificate "
                   "names must be the lowest CA of the longest chain (of the first such chain) in "
                   "one of the files of anchors. It compares names; `issuers` compares keys too.",
        .example = "verify_issuer_dn: true\n",
    },
    {
        .name = "extended_key_usage", .type = SETTING_CHOICE, .choices = key_usage_choices,
        .default_text = "client_auth",
        FIELD(struct trust_profile_settings, extended_key_usage),
        .meaning = "`client_auth`: a certificate of the path that says what it is for must be for "
                   "TLS clients. `client_auth_required`: the client's own must say so. `any`: "
                   "nobody looks, for certificates that were made for something else.",
        .example = "extended_key_usage: client_auth_required\n",
    },
    {
        .name = "required_usages", .type = SETTING_TEXTS, .is_valid = settings_oid_is_valid,
        FIELD(struct trust_profile_settings, required_usages),
        .otherwise = "none",
        .meaning = "Extended key usages, as object identifiers, all of which a client's own "
                   "certificate must have.",
        .example = "required_usages: [1.3.6.1.4.1.311.20.2.2]\n",
    },
    {
        .name = "required_policies", .type = SETTING_TEXTS, .is_valid = settings_oid_is_valid,
        FIELD(struct trust_profile_settings, required_policies),
        .otherwise = "none",
        .meaning = "Certificate policies, as object identifiers; the whole path must be valid for "
                   "at least one of them (RFC 5280 section 6.1.1).",
        .example = "required_policies: [2.16.840.1.101.3.2.1.3.13]\n",
    },
    {
        .name = "key_types", .type = SETTING_TEXTS, .is_valid = settings_key_type_is_valid,
        FIELD(struct trust_profile_settings, key_types),
        .otherwise = "all of these",
        .meaning = "What the keys of the whole path may be: `RSA`, `P-256`, `P-384`, `P-521`, "
                   "`Ed25519`, `Ed448`.",
        .example = "key_types: [P-256, P-384]\n",
    },
    {
        .name = "rsa_bits_min", .type = SETTING_COUNT, .default_text = "2048", .min = 2048,
        .max = 8192, FIELD(struct trust_profile_settings, rsa_bits_min),
        .meaning = "How long the RSA keys of the whole path must be at least.",
        .example = "rsa_bits_min: 3072\n",
    },
    {
        .name = "signature_hash_min", .type = SETTING_CHOICE, .choices = signature_hash_choices,
        .default_text = "sha256", FIELD(struct trust_profile_settings, signature_hash_min),
        .meaning = "With what the certificates of the whole path must be signed at least. The "
                   "anchor's own signature does not count; Ed25519 and Ed448 always do.",
        .example = "signature_hash_min: sha384\n",
    },
    {
        .name = "principal", .type = SETTING_TEXTS, .is_valid = settings_principal_is_valid,
        FIELD(struct trust_profile_settings, principal),
        .otherwise = "`[san_uri, san_dns, san_upn, subject]`",
        .meaning = "What a client is called by, in logs and wherever one name is needed: the first "
                   "of these that its certificate has. `san_uri`, `san_dns`, `san_upn`, "
                   "`san_email`, `san_ip`, `subject`, `common_name`, `sha256`. Who has none of "
                   "them is called by the subject.",
        .example = "principal: [san_uri, subject]\n",
    },
    {
        .name = "trial", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_LIST | SETTING_FORM_MAPPING,
        .read = settings_read_trial, .mapping = &trust_profile_mapping,
        .expects = "a list of files, or a trust profile in place",
        POINTER(struct trust_profile_settings, trial),
        .otherwise = "none",
        .meaning = "A whole trust profile that is judged beside this one. What it says is logged "
                   "as `trial_reason` and counted, and never enforced.",
        .example = "trial: { anchors: [new-root.pem], depth: 1 }\n",
    },
    {
        .name = "revocation", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .read = settings_read_revocation,
        .mapping = &revocation_mapping, .expects = "a mapping, or azure",
        FIELD(struct trust_profile_settings, revocation),
        .otherwise = "revocation is not checked",
        .meaning = "Whether certificates are revoked: who is asked, and what is done when nobody "
                   "can say. `azure` does what Azure Application Gateway does: the first OCSP "
                   "responder that the client's certificate names is asked, by GET and http alone, "
                   "and whoever it does not call good is refused.",
        .example = "revocation: { sources: [crl], crl: { files: [partner.crl] } }\n",
    },
};

static const struct settings_mapping trust_profile_mapping = {
    .title = "trust_profiles.NAME",
    .meaning = "A trust profile: what the certificate of a client is judged by. Listeners and "
               "routes use it by name, or have one in place.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "trust_profiles:\n"
             "  partners:\n"
             "    anchors: [partners.pem]\n"
             "    @\n",
    SETTINGS(trust_profile_settings),
    .size = sizeof(struct trust_profile_settings),
    POSITION(struct trust_profile_settings),
    .name_offset = offsetof(struct trust_profile_settings, name),
    .finish = settings_register_trust_profile,
};

/* --- Client certificates ---------------------------------------------------------------------- */

static const struct setting_choice mode_choices[] = {
    {"required", CLIENT_CERTIFICATE_REQUIRED, false},
    {"optional", CLIENT_CERTIFICATE_OPTIONAL, false},
    {"unverified", CLIENT_CERTIFICATE_UNVERIFIED, false},
    {"none", CLIENT_CERTIFICATE_NONE, false},
    {NULL, 0, false},
};

static const struct setting_choice ask_choices[] = {
    {"handshake", 0, false},
    {"on_demand", 0, true},
    {NULL, 0, false},
};

static const struct setting_choice on_failure_choices[] = {
    {"http", CLIENT_CERTIFICATE_ON_FAILURE_HTTP, false},
    {"alert", CLIENT_CERTIFICATE_ON_FAILURE_ALERT, false},
    {NULL, 0, false},
};

static const struct setting_choice error_detail_choices[] = {
    {"reason", CLIENT_CERTIFICATE_DETAIL_REASON, false},
    {"generic", CLIENT_CERTIFICATE_DETAIL_GENERIC, false},
    {NULL, 0, false},
};

static const struct setting listener_certificate_settings[] = {
    {
        .name = "trust", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_LIST | SETTING_FORM_MAPPING,
        .read = settings_read_trust_profile, .mapping = &trust_profile_mapping,
        .expects = "a name of trust_profiles, a list of files, or a trust profile in place",
        POINTER(struct client_certificate_settings, trust),
        .otherwise = "nobody is trusted, which only the modes unverified and none allow",
        .meaning = "What the certificates of clients are judged by.",
        .example = "trust: partners\n",
    },
    {
        .name = "mode", .type = SETTING_CHOICE, .choices = mode_choices, .default_text = "required",
        FIELD(struct client_certificate_settings, mode),
        .meaning = "`required`: a client without a good certificate is refused. `optional`: none "
                   "is fine, a bad one is refused. `unverified`: asked for, judged by nobody. "
                   "`none`: not asked for.",
        .example = "mode: optional\n",
    },
    {
        .name = "ask", .type = SETTING_CHOICE, .choices = ask_choices, .default_text = "handshake",
        .meaning = "When clients are asked for a certificate.",
        .example = "ask: handshake\n",
    },
    {
        .name = "on_failure", .type = SETTING_CHOICE, .choices = on_failure_choices,
        .default_text = "http", FIELD(struct client_certificate_settings, on_failure),
        .meaning = "How a client hears that its certificate is refused. `http`: the handshake is "
                   "finished and the answer to its request says so. `alert`: the handshake fails.",
        .example = "on_failure: alert\n",
    },
    {
        .name = "error_detail", .type = SETTING_CHOICE, .choices = error_detail_choices,
        .default_text = "reason", FIELD(struct client_certificate_settings, error_detail),
        .meaning = "Does the answer name the reason, or only that there was one?",
        .example = "error_detail: generic\n",
    },
};

static const struct settings_mapping listener_certificate_mapping = {
    .title = "listeners[].client_certificate",
    .meaning = "Whether clients must show a certificate, and what it is judged by.",
    .frame = "version: 1\n" FRAME_DEFINITIONS
             "listeners:\n"
             "  - address: \":8443\"\n"
             "    " FRAME_TLS
             "    " FRAME_ROUTES
             "    client_certificate:\n"
             "      trust: [client-ca.pem]\n"
             "      @\n",
    SETTINGS(listener_certificate_settings),
    .size = sizeof(struct client_certificate_settings),
    POSITION(struct client_certificate_settings),
    .finish = settings_finish_client_certificate,
};

static const struct setting route_certificate_settings[] = {
    {
        .name = "mode", .type = SETTING_CHOICE, .choices = mode_choices,
        FIELD(struct client_certificate_settings, mode),
        .otherwise = "the listener's",
        .meaning = "The mode for requests of this route. With `on_failure: alert` it cannot ask "
                   "for less than the listener's.",
        .example = "mode: none\n",
    },
    {
        .name = "trust", .type = SETTING_SPECIAL, .is_path = true,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_LIST | SETTING_FORM_MAPPING,
        .read = settings_read_trust_profile, .mapping = &trust_profile_mapping,
        .expects = "a name of trust_profiles, a list of files, or a trust profile in place",
        POINTER(struct client_certificate_settings, trust),
        .otherwise = "the listener's",
        .meaning = "What the certificates of clients are judged by for this route, instead of the "
                   "listener's.",
        .example = "trust: admins\n",
    },
    OF_LISTENER("ask"),
    OF_LISTENER("on_failure"),
    OF_LISTENER("error_detail"),
};

static const struct settings_mapping route_certificate_mapping = {
    .title = "listeners[].routes[].client_certificate",
    .meaning = "What a route asks for that its listener does not, or the other way round.",
    .frame = "version: 1\n" FRAME_DEFINITIONS
             "listeners:\n"
             "  - address: \":8443\"\n"
             "    " FRAME_TLS
             "    " FRAME_TRUST
             "    routes:\n"
             "      - backend: app\n"
             "        client_certificate:\n"
             "          @\n",
    SETTINGS(route_certificate_settings),
    .size = sizeof(struct client_certificate_settings),
    POSITION(struct client_certificate_settings),
    .finish = settings_finish_client_certificate,
};

/* --- Identity headers ------------------------------------------------------------------------- */

static const struct setting identity_header_settings[] = {
    {
        .name = "name", .type = SETTING_TEXT, .is_required = true,
        .is_valid = settings_header_name_is_valid, FIELD(struct header_entry, name),
        .meaning = "The name of the header. It is removed from whatever clients send.",
        .example = "name: X-ARR-ClientCert-AGW\n",
    },
    {
        .name = "format", .type = SETTING_TEXT, .is_required = true,
        .is_valid = settings_identity_format_is_valid, FIELD(struct header_entry, format),
        .meaning = "What of the certificate it carries, and how: der_base64, rfc9440, "
                   "rfc9440_chain, pem_url, subject, issuer, serial, sha256, sha1, principal, "
                   "user, verification, xfcc, der_base64_chain, pem_url_chain, pem_alb, "
                   "pem_alb_chain, validity_alb, traefik_info, not_before or not_after. See "
                   "docs/FORWARDING.md.",
        .example = "format: pem_url\n",
    },
    {
        .name = "elements", .type = SETTING_TEXTS, .is_valid = settings_xfcc_element_is_valid,
        FIELD(struct header_entry, elements),
        .otherwise = "hash, subject, uri and dns",
        .meaning = "What the format xfcc has: hash, cert, chain, subject, uri, dns. They are "
                   "written in this order, whatever order they are listed in.",
        .example = "format: xfcc\nelements: [hash, cert, uri]\n",
    },
    {
        .name = "by", .type = SETTING_TEXT, .is_valid = settings_xfcc_by_is_valid,
        FIELD(struct header_entry, by),
        .otherwise = "no By",
        .meaning = "What the gateway is called in the format xfcc: a URI.",
        .example = "format: xfcc\nby: spiffe://example.com/gateway\n",
    },
};

static const struct settings_mapping identity_header_mapping = {
    .title = "identity_headers[]",
    .meaning = "An identity header with a name of your own.",
    .frame = "version: 1\n"
             "listeners:\n"
             "  - address: \":8443\"\n"
             "    " FRAME_TLS
             "    " FRAME_TRUST
             "    " FRAME_ROUTES
             "    identity_headers:\n"
             "      -\n"
             "        name: X-Certificate\n"
             "        format: xfcc\n"
             "        @\n",
    SETTINGS(identity_header_settings),
    .size = sizeof(struct header_entry),
};

/* --- Backends --------------------------------------------------------------------------------- */

static const struct setting endpoint_settings[] = {
    {
        .name = "url", .type = SETTING_TEXT, .is_required = true, FIELD(struct endpoint_entry, url),
        .meaning = "Where it is: `http://HOST:PORT`, or `https://HOST:PORT` for TLS, whose "
                   "certificate is always checked, chain and name. The port may be left out.",
        .example = "url: \"http://10.0.0.4:8080\"\n",
    },
    {
        .name = "weight", .type = SETTING_COUNT, .default_text = "1", .min = 1, .max = 1000,
        FIELD(struct endpoint_entry, weight),
        .meaning = "How many requests it gets for each of an endpoint with weight 1.",
        .example = "url: \"http://10.0.0.4:8080\"\nweight: 3\n",
    },
};

static const struct settings_mapping endpoint_mapping = {
    .title = "backends.NAME.endpoints[]",
    .meaning = "One server of a backend.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints:\n"
             "      -\n"
             "        url: \"http://127.0.0.1:8080\"\n"
             "        @\n",
    SETTINGS(endpoint_settings),
    .size = sizeof(struct endpoint_entry),
};

static const struct setting timeout_settings[] = {
    {
        .name = "connect", .type = SETTING_DURATION, .default_text = "5s",
        .min = 1, .max = 1 * HOURS, FIELD(struct backend_settings, connect_timeout_ms),
        .meaning = "How long connecting may take.",
        .example = "connect: 2s\n",
    },
    {
        .name = "response", .type = SETTING_DURATION, .default_text = "30s",
        .min = 1, .max = 24 * HOURS, FIELD(struct backend_settings, response_timeout_ms),
        .meaning = "How long the head of an answer may take, and how long there may be nothing "
                   "between its parts.",
        .example = "response: 2m\n",
    },
};

static const struct settings_mapping timeout_mapping = {
    .title = "backends.NAME.timeouts",
    .meaning = "How long the gateway waits for a backend.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints: [\"http://127.0.0.1:8080\"]\n"
             "    timeouts:\n"
             "      @\n",
    SETTINGS(timeout_settings),
    .size = sizeof(struct backend_settings),
};

static const struct setting queue_settings[] = {
    {
        .name = "size", .type = SETTING_COUNT, .default_text = "1024", .min = 0, .max = 1000000,
        FIELD(struct backend_settings, queue_max),
        .meaning = "How many requests of one worker may wait; the next is answered 503 "
                   "`backend_busy`.",
        .example = "size: 100\n",
    },
    {
        .name = "timeout", .type = SETTING_DURATION, .default_text = "5s",
        .min = 1, .max = 1 * HOURS, FIELD(struct backend_settings, queue_timeout_ms),
        .meaning = "How long a request waits; then it is answered 503 `backend_queue_timeout`.",
        .example = "timeout: 1s\n",
    },
};

static const struct settings_mapping queue_mapping = {
    .title = "backends.NAME.queue",
    .meaning = "Requests that wait for a connection, in the order in which they came.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints: [\"http://127.0.0.1:8080\"]\n"
             "    queue:\n"
             "      @\n",
    SETTINGS(queue_settings),
    .size = sizeof(struct backend_settings),
};

static const struct setting ejection_settings[] = {
    {
        .name = "failures", .type = SETTING_COUNT, .default_text = "5", .min = 0, .max = 1000,
        FIELD(struct backend_settings, ejection.failures),
        .meaning = "How many failures in a row eject an address: refused or broken connections, "
                   "TLS errors, answers that do not come in time or are none. 0: nothing does.",
        .example = "failures: 3\n",
    },
    {
        .name = "time", .type = SETTING_DURATION, .default_text = "10s",
        .min = 1, .max = 24 * HOURS, FIELD(struct backend_settings, ejection.time_ms),
        .meaning = "For how long, the first time; twice as long each time that follows.",
        .example = "time: 5s\n",
    },
    {
        .name = "max_time", .type = SETTING_DURATION, .default_text = "5m",
        .min = 1, .max = 24 * HOURS, FIELD(struct backend_settings, ejection.time_max_ms),
        .meaning = "The longest time.",
        .example = "max_time: 1m\n",
    },
    {
        .name = "max_share", .type = SETTING_COUNT, .default_text = "50", .min = 1, .max = 100,
        FIELD(struct backend_settings, ejection.share_max),
        .meaning = "How many of a backend's addresses may be ejected at a time, in percent; one "
                   "may always be, if there is another.",
        .example = "max_share: 30\n",
    },
};

static const struct settings_mapping ejection_mapping = {
    .title = "backends.NAME.ejection",
    .meaning = "Addresses that fail are left out for a while. When all are, all are tried.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints: [\"http://127.0.0.1:8080\"]\n"
             "    ejection:\n"
             "      @\n",
    SETTINGS(ejection_settings),
    .size = sizeof(struct backend_settings),
    .finish = settings_finish_ejection,
};

static const struct setting_choice balance_choices[] = {
    {"round_robin", BACKEND_ROUND_ROBIN, false},
    {"least_requests", BACKEND_LEAST_REQUESTS, false},
    {NULL, 0, false},
};

static const struct setting backend_tls_settings[] = {
    {
        .name = "trust", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST, .is_path = true,
        .read = settings_read_anchors, .expects = "a list of files",
        .mapping = &anchor_mapping,
        LIST_FIELD(struct tls_client_settings, trust, trust_count),
        .otherwise = "the CA certificates of the system",
        .meaning = "The CA certificates that endpoints are judged by, as `anchors` of a trust "
                   "profile: these alone.",
        .example = "trust: [backend-root.pem]\n",
    },
    {
        .name = "server_name", .type = SETTING_TEXT, .is_valid = settings_monitoring_host_is_valid,
        FIELD(struct tls_client_settings, server_name),
        .otherwise = "the host of the endpoint",
        .meaning = "The name that an endpoint's certificate must have in its subjectAltName, and "
                   "that is asked for by SNI.",
        .example = "server_name: app.internal\n",
    },
    {
        .name = "certificate", .type = SETTING_SPECIAL, .forms = SETTING_FORM_MAPPING,
        .read = settings_read_backend_certificate, .mapping = &certificate_mapping,
        .expects = "a mapping with chain and key, directory, or pfx",
        LIST_FIELD(struct tls_client_settings, tls.certificates, tls.certificate_count),
        .otherwise = "none",
        .meaning = "What the gateway shows to endpoints that ask for a client certificate.",
        .example = "certificate: { chain: gateway.pem, key: gateway.key }\n",
    },
    {
        .name = "policy", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .is_embedded = true,
        .read = settings_read_policy, .mapping = &policy_mapping,
        .expects = "a mapping or the name of a predefined policy",
        .meaning = "The versions and ciphers of TLS, as in a TLS profile.",
        .example = "policy: { min_version: \"1.3\" }\n",
    },
};

static const struct settings_mapping backend_tls_mapping = {
    .title = "backends.NAME.tls",
    .meaning = "How endpoints with https are met. Chain and name are always checked.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints: [\"https://127.0.0.1:8443\"]\n"
             "    tls:\n"
             "      @\n",
    SETTINGS(backend_tls_settings),
    .size = sizeof(struct tls_client_settings),
    .has_position = true, .position_offset = offsetof(struct tls_client_settings, tls.position),
};

static const struct setting_choice signing_choices[] = {
    {"ecdsa-p256-sha256", SIGNING_ECDSA_P256_SHA256, false},
    {"hmac-sha256", SIGNING_HMAC_SHA256, false},
    {NULL, 0, false},
};

static const struct setting backend_signature_settings[] = {
    {
        .name = "algorithm", .type = SETTING_CHOICE, .choices = signing_choices,
        .is_required = true, FIELD(struct backend_signature_settings, algorithm),
        .meaning = "`ecdsa-p256-sha256`: the gateway has a private key, backends its public one. "
                   "`hmac-sha256`: both have one secret, and could sign as each other.",
        .example = "algorithm: hmac-sha256\n",
    },
    {
        .name = "key", .type = SETTING_PATH, .is_required = true,
        FIELD(struct backend_signature_settings, key),
        .meaning = "The file of the key: PEM of an EC private key on P-256, or, for "
                   "`hmac-sha256`, base64 of at least 32 octets on one line.",
        .example = "key: signing.key\n",
    },
    {
        .name = "keyid", .type = SETTING_TEXT, .is_required = true,
        .is_valid = settings_keyid_is_valid, FIELD(struct backend_signature_settings, keyid),
        .meaning = "What the key is called, so that a backend with several finds the right one.",
        .example = "keyid: gateway-2026\n",
    },
    {
        .name = "expires", .type = SETTING_DURATION, .default_text = "30s",
        .min = 1 * SECONDS, .max = 60 * SECONDS,
        FIELD(struct backend_signature_settings, expires_ms),
        .meaning = "For how long a signature is good, in whole seconds.",
        .example = "expires: 10s\n",
    },
};

static const struct settings_mapping backend_signature_mapping = {
    .title = "backends.NAME.signature",
    .meaning = "An HTTP Message Signature (RFC 9421) over what each request asks for and all its "
               "identity headers. docs/FORWARDING.md says how it is checked.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints: [\"http://127.0.0.1:8080\"]\n"
             "    signature:\n"
             "      algorithm: ecdsa-p256-sha256\n"
             "      key: signing.key\n"
             "      keyid: gateway\n"
             "      @\n",
    SETTINGS(backend_signature_settings),
    .size = sizeof(struct backend_signature_settings),
    POSITION(struct backend_signature_settings),
};

static const struct setting_choice expect_choices[] = {
    {"forward", BACKEND_EXPECT_FORWARD, false},
    {"answer", BACKEND_EXPECT_ANSWER, false},
    {NULL, 0, false},
};

static const struct setting backend_settings[] = {
    {
        .name = "endpoints", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST,
        .is_required = true, .read = settings_read_endpoints, .mapping = &endpoint_mapping,
        .expects = "a list of URLs, or of mappings with a url",
        LIST_FIELD(struct backend_settings, endpoints, endpoint_count),
        .meaning = "The servers that requests go to.",
        .example = "endpoints: [\"http://10.0.0.4:8080\", { url: \"http://10.0.0.5:8080\" }]\n",
    },
    {
        .name = "host", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .read = settings_read_host, .expects = "preserve or a host name",
        .default_text = "preserve", FIELD(struct backend_settings, host),
        .meaning = "The Host that the backend sees: `preserve` for the client's, or a name.",
        .example = "host: app.internal\n",
    },
    {
        .name = "timeouts", .type = SETTING_MAPPING, .is_embedded = true,
        .mapping = &timeout_mapping,
        .meaning = "How long the gateway waits.",
        .example = "timeouts: { connect: 2s, response: 2m }\n",
    },
    {
        .name = "connections", .type = SETTING_COUNT, .default_text = "1024",
        .min = 1, .max = 1000000, FIELD(struct backend_settings, connections_max),
        .meaning = "How many connections one worker has to one address of an endpoint at most.",
        .example = "connections: 200\n",
    },
    {
        .name = "idle_connections", .type = SETTING_COUNT, .default_text = "64",
        .min = 0, .max = 1000000, FIELD(struct backend_settings, idle_max),
        .meaning = "How many of them are kept open while there is nothing to send.",
        .example = "idle_connections: 16\n",
    },
    {
        .name = "idle_time", .type = SETTING_DURATION, .default_text = "60s",
        .min = 1, .max = 24 * HOURS, FIELD(struct backend_settings, idle_ms),
        .meaning = "For how long they are kept.",
        .example = "idle_time: 20s\n",
    },
    {
        .name = "tls", .type = SETTING_SPECIAL, .forms = SETTING_FORM_MAPPING,
        .read = settings_read_backend_tls, .mapping = &backend_tls_mapping,
        .expects = "a mapping", POINTER(struct backend_settings, tls),
        .otherwise = "the system's CA certificates, and the host of each endpoint",
        .meaning = "How endpoints with https are met.",
        .example = "endpoints: [\"https://10.0.0.4\"]\n"
                   "tls: { trust: [backend-root.pem], server_name: app.internal }\n",
    },
    {
        .name = "signature", .type = SETTING_SPECIAL, .forms = SETTING_FORM_MAPPING,
        .read = settings_read_backend_signature, .mapping = &backend_signature_mapping,
        .expects = "a mapping", POINTER(struct backend_settings, signature),
        .otherwise = "requests are not signed",
        .meaning = "By what the backend knows that identity headers are the gateway's.",
        .example = "signature: { algorithm: ecdsa-p256-sha256, key: signing.key, keyid: gateway }"
                   "\n",
    },
    {
        .name = "expect", .type = SETTING_CHOICE, .choices = expect_choices,
        .default_text = "forward", FIELD(struct backend_settings, expect),
        .meaning = "Who answers a client that waits for `100 Continue`: the backend (`forward`), "
                   "or the gateway (`answer`), for backends that do not know of it.",
        .example = "expect: answer\n",
    },
    {
        .name = "balance", .type = SETTING_CHOICE, .choices = balance_choices,
        .default_text = "round_robin", FIELD(struct backend_settings, balance),
        .meaning = "Which endpoint gets the next request: `round_robin`, by weight in turn, or "
                   "`least_requests`, the one with the fewest of this worker for its weight.",
        .example = "balance: least_requests\n",
    },
    {
        .name = "queue", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &queue_mapping,
        .meaning = "What happens when all connections are in use.",
        .example = "queue: { size: 100, timeout: 1s }\n",
    },
    {
        .name = "ejection", .type = SETTING_MAPPING, .is_embedded = true,
        .mapping = &ejection_mapping,
        .meaning = "When an endpoint that fails is left out.",
        .example = "ejection: { failures: 3, time: 5s }\n",
    },
    {
        .name = "identity_header_size", .type = SETTING_SIZE, .default_text = "8KiB",
        .min = 256, .max = 64 * KIB, FIELD(struct backend_settings, identity_bytes_max),
        .meaning = "How much all identity headers of a request may have together, names and ends "
                   "of lines included: less than what the backend takes as a head, which is often "
                   "8 KiB. A request with more is refused with 431, or, where certificates are "
                   "optional, goes without them and with `FAILED:identity_header_too_large` as the "
                   "verification. Nothing is ever cut off.",
        .example = "identity_header_size: 16KiB\n",
    },
    NOT_YET("protocol"),
    NOT_YET("path"),
    NOT_YET("affinity"),
    NOT_YET("probe"),
    NOT_YET("drain"),
    NOT_YET("identity_headers"),
};

static const struct settings_mapping backend_mapping = {
    .title = "backends.NAME",
    .meaning = "A backend: servers that do the same. Routes use it by name, or have the URL of one "
               "server in place.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "backends:\n"
             "  app:\n"
             "    endpoints: [\"http://127.0.0.1:8080\"]\n"
             "    @\n",
    SETTINGS(backend_settings),
    .size = sizeof(struct backend_settings),
    POSITION(struct backend_settings),
    .name_offset = offsetof(struct backend_settings, name),
    .finish = settings_register_backend,
};

/* --- Routes ----------------------------------------------------------------------------------- */

static const struct setting route_settings[] = {
    {
        .name = "name", .type = SETTING_TEXT, .is_valid = settings_name_is_valid,
        FIELD(struct route_settings, match.name),
        .otherwise = "route-N, by its place",
        .meaning = "What the route is called in logs.",
        .example = "name: orders\n",
    },
    {
        .name = "paths", .type = SETTING_TEXTS, .is_valid = route_pattern_is_valid,
        FIELD(struct route_settings, match.paths),
        .otherwise = "every path",
        .meaning = "The paths that the route serves: `/exact`, or with `*` at the end for "
                   "everything that begins so.",
        .example = "paths: [/orders, /orders/*]\n",
    },
    {
        .name = "methods", .type = SETTING_TEXTS, .is_valid = settings_method_is_valid,
        FIELD(struct route_settings, match.methods),
        .otherwise = "every method",
        .meaning = "The methods that the route serves. With GET it serves HEAD too, unless it "
                   "demands less than its listener.",
        .example = "methods: [GET, POST]\n",
    },
    {
        .name = "client_certificate", .type = SETTING_MAPPING,
        .mapping = &route_certificate_mapping,
        FIELD(struct route_settings, client_certificate),
        .otherwise = "the listener's",
        .meaning = "What the route asks for that its listener does not, or the other way round.",
        .example = "client_certificate: { trust: admins }\n",
    },
    {
        .name = "identity_headers", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST,
        .read = settings_read_identity_headers, .mapping = &identity_header_mapping,
        .expects = "a list of identity headers",
        LIST_FIELD(struct route_settings, identity_headers, identity_header_count),
        .otherwise = "the listener's",
        .meaning = "What the backend is told of the client's certificate, instead of what the "
                   "listener says. An empty list tells it nothing.",
        .example = "identity_headers: [client-cert, { name: X-Certificate, format: pem_url }]\n",
    },
    {
        .name = "unverified", .type = SETTING_BOOLEAN, .default_text = "false",
        FIELD(struct route_settings, unverified),
        .meaning = "Tell the backend of certificates that nobody verified. Only with mode "
                   "`unverified`; the backend must judge them itself.",
        .example = "client_certificate: { mode: unverified }\nunverified: true\n",
    },
    {
        .name = "backend", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .is_required = true, .read = settings_read_backend, .mapping = &backend_mapping,
        .expects = "a name of backends, or a URL", POINTER(struct route_settings, backend),
        .meaning = "Where requests of the route go.",
        .example = "backend: app\n",
    },
    {
        .name = "policy", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .read = settings_read_route_policy, .mapping = &policy_rule_mapping,
        .expects = "a name of policies", POINTER(struct route_settings, policy),
        .otherwise = "whoever the client certificate settings let in",
        .meaning = "Which of the clients that are let in may make which requests. See "
                   "docs/POLICY.md.",
        .example = "policy: order-clients\n",
    },
    {
        .name = "policy_trial", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .read = settings_read_route_policy, .mapping = &policy_rule_mapping,
        .expects = "a name of policies", POINTER(struct route_settings, policy_trial),
        .otherwise = "none",
        .meaning = "A policy that is asked beside the one in effect: what it would have refused is "
                   "in the access log as `trial_reason`, and counted. It refuses nobody.",
        .example = "policy_trial: order-clients\n",
    },
    NOT_YET("rewrite"),
    NOT_YET("rate_limit"),
    NOT_YET("redirect"),
};

static const struct settings_mapping route_mapping = {
    .title = "listeners[].routes[]",
    .meaning = "A route: which requests it serves, what it asks of the client, where they go. The "
               "first that matches serves; a request that none matches is answered with 404.",
    .frame = "version: 1\n" FRAME_DEFINITIONS
             "listeners:\n"
             "  - address: \":8443\"\n"
             "    " FRAME_TLS
             "    " FRAME_TRUST
             "    routes:\n"
             "      -\n"
             "        backend: \"http://127.0.0.1:8080\"\n"
             "        @\n",
    SETTINGS(route_settings),
    .size = sizeof(struct route_settings),
    .has_position = true, .position_offset = offsetof(struct route_settings, match.position),
    .finish = settings_finish_route,
};

/* --- Listeners -------------------------------------------------------------------------------- */

static const struct setting listener_settings[] = {
    {
        .name = "name", .type = SETTING_TEXT, .is_valid = settings_name_is_valid,
        FIELD(struct listener_settings, name),
        .otherwise = "listener-N, by its place",
        .meaning = "What the listener is called in logs.",
        .example = "name: partners\n",
    },
    {
        .name = "address", .type = SETTING_TEXT, .is_required = true,
        .is_valid = settings_address_is_valid, FIELD(struct listener_settings, address),
        .meaning = "Address and port, as `127.0.0.1:8443`, `[::1]:8443`, or `:8443` for every "
                   "address. With port 0 the system chooses one. Several listeners may share an "
                   "address; their hosts choose.",
        .example = "address: \"127.0.0.1:8443\"\n",
    },
    {
        .name = "hosts", .type = SETTING_TEXTS, .is_valid = listener_host_is_valid,
        FIELD(struct listener_settings, hosts),
        .otherwise = "every host",
        .meaning = "The host names that the listener serves; `*.example.com` stands for every name "
                   "that ends so.",
        .example = "hosts: [api.example.com, \"*.partner.example.com\"]\n",
    },
    {
        .name = "tls", .type = SETTING_SPECIAL, .is_required = true,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .read = settings_read_tls_profile,
        .mapping = &tls_profile_mapping,
        .expects = "a name of tls_profiles, or a TLS profile in place",
        POINTER(struct listener_settings, tls),
        .meaning = "Certificates, versions and ciphers.",
        .example = "tls: public\n",
    },
    {
        .name = "client_certificate", .type = SETTING_MAPPING,
        .mapping = &listener_certificate_mapping,
        FIELD(struct listener_settings, client_certificate),
        .otherwise = "mode required, which needs trust",
        .meaning = "Whether clients must show a certificate, and what it is judged by.",
        .example = "client_certificate: { trust: [client-ca.pem], mode: optional }\n",
    },
    {
        .name = "identity_headers", .type = SETTING_SPECIAL, .forms = SETTING_FORM_LIST,
        .read = settings_read_identity_headers, .mapping = &identity_header_mapping,
        .expects = "a list of identity headers", .default_text = "[client-cert]",
        LIST_FIELD(struct listener_settings, identity_headers, identity_header_count),
        .meaning = "What backends are told of the client's certificate: client-cert, "
                   "client-cert-chain, x-arr-clientcert, verification, subject, issuer, serial, "
                   "sha256, sha1, principal, user, ssl-client-cert, ssl-client-subject-dn, "
                   "ssl-client-issuer-dn, ssl-client-verify, xfcc, traefik, alb, alb-chain, "
                   "nginx, or a header with a name of your own. "
                   "An empty list tells them nothing. Whatever is in it, clients cannot set it.",
        .example = "identity_headers: [client-cert, verification]\n",
    },
    {
        .name = "server_token", .type = SETTING_TEXT, .is_valid = settings_token_is_valid,
        .default_text = "sallyport", FIELD(struct listener_settings, server_token),
        .meaning = "What the gateway calls itself in the answers that it gives itself.",
        .example = "server_token: gateway\n",
    },
    {
        .name = "routes", .type = SETTING_SPECIAL, .is_required = true, .mapping = &route_mapping,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_LIST, .read = settings_read_routes,
        .expects = "a list of mappings, or a name of route_sets",
        LIST_FIELD(struct listener_settings, routes, route_count),
        .meaning = "What is served, in order: the first route that matches a request serves it. "
                   "A list, or the name of one in `route_sets`.",
        .example = "routes:\n"
                   "  - paths: [/healthz]\n"
                   "    client_certificate: { mode: none }\n"
                   "    backend: app\n"
                   "  - backend: app\n",
    },
    {
        .name = "trusted_proxies", .type = SETTING_TEXTS, .is_valid = settings_range_is_valid,
        FIELD(struct listener_settings, trusted_proxies),
        .otherwise = "nobody",
        .meaning = "Addresses or networks of proxies in front of the gateway. What they say of the "
                   "client in X-Forwarded-For is believed: the client is the right-most address "
                   "that is not in this list, in logs, in limits and for backends. From everybody "
                   "else X-Forwarded headers are replaced.",
        .example = "trusted_proxies: [10.1.0.0/16, \"2001:db8:1::/48\", 192.0.2.7]\n",
    },
};

static const struct settings_mapping listener_mapping = {
    .title = "listeners[]",
    .meaning = "A listener: an address, the hosts it serves, what it asks of clients, its routes.",
    .frame = "version: 1\n" FRAME_DEFINITIONS FRAME_LISTENERS
             "    @\n",
    SETTINGS(listener_settings),
    .size = sizeof(struct listener_settings),
    POSITION(struct listener_settings),
    .finish = settings_finish_listener,
};

/* --- Logs ------------------------------------------------------------------------------------- */

static const struct setting_choice access_format_choices[] = {
    {"json", ACCESS_LOG_JSON, false},
    {"azure", ACCESS_LOG_AZURE, false},
    {"combined", ACCESS_LOG_COMBINED, false},
    {NULL, 0, false},
};

static const struct setting access_settings[] = {
    {
        .name = "to", .type = SETTING_SPECIAL, .is_path = true, .forms = SETTING_FORM_SCALAR,
        .read = settings_read_access_log_target,
        .expects = "stdout, stderr, or a path with a '/'", .default_text = "stdout",
        .meaning = "Where the records go.",
        .example = "to: /var/log/sallyport/access.log\n",
    },
    {
        .name = "format", .type = SETTING_CHOICE, .choices = access_format_choices,
        .default_text = "json", FIELD(struct telemetry_settings, format),
        .meaning = "How a record is written. `json`: one object a line, with everything that is "
                   "known. `azure`: one object a line, with the names and types of Azure "
                   "Application Gateway. `combined`: the line that Apache and nginx made common.",
        .example = "format: azure\n",
    },
    {
        .name = "queue_size", .type = SETTING_SIZE, .default_text = "4MiB",
        .min = 64 * KIB, .max = 1 * GIB, FIELD(struct telemetry_settings, queue_bytes_max),
        .meaning = "How much may wait for a reader that is slow; what is more is dropped, and "
                   "counted.",
        .example = "queue_size: 16MiB\n",
    },
};

static const struct settings_mapping access_mapping = {
    .title = "log.access",
    .meaning = "The access log: one record for each exchange, and one for each failed handshake.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "log:\n"
             "  access:\n"
             "    @\n",
    SETTINGS(access_settings),
    .size = sizeof(struct telemetry_settings),
};

static const struct setting_choice level_choices[] = {
    {"debug", LOG_DEBUG, false},
    {"info", LOG_INFO, false},
    {"warning", LOG_WARNING, false},
    {"error", LOG_ERROR, false},
    {NULL, 0, false},
};

static const struct setting event_settings[] = {
    {
        .name = "to", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .read = settings_read_events_target,
        .expects = "stderr, or a path with a '/'", .default_text = "stderr",
        .meaning = "Where events go. In a file each begins with the time.",
        .example = "to: /var/log/sallyport/events.log\n",
    },
    {
        .name = "level", .type = SETTING_CHOICE, .choices = level_choices, .default_text = "info",
        FIELD(struct generation_settings, events_level),
        .meaning = "The least important events that are still written.",
        .example = "level: warning\n",
    },
};

static const struct settings_mapping event_mapping = {
    .title = "log.events",
    .meaning = "What the gateway says to the person who runs it.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "log:\n"
             "  events:\n"
             "    @\n",
    SETTINGS(event_settings),
    .size = sizeof(struct generation_settings),
};

static const struct setting log_settings[] = {
    {
        .name = "access", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_MAPPING, .is_embedded = true,
        .read = settings_read_access_log, .mapping = &access_mapping,
        .expects = "off or a mapping",
        FIELD(struct generation_settings, telemetry),
        .meaning = "The access log; `off` for none.",
        .example = "access: off\n",
    },
    {
        .name = "events", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &event_mapping,
        .meaning = "What the gateway says to the person who runs it.",
        .example = "events: { level: debug }\n",
    },
};

static const struct settings_mapping log_mapping = {
    .title = "log",
    .meaning = "What is written where.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "log:\n"
             "  @\n",
    SETTINGS(log_settings),
    .size = sizeof(struct generation_settings),
};

/* --- Limits ----------------------------------------------------------------------------------- */

static const struct setting limit_settings[] = {
    {
        .name = "connections", .type = SETTING_COUNT, .default_text = "100000",
        .min = 1, .max = 10000000, FIELD(struct connection_limits, connections),
        .meaning = "How many clients may be connected to the whole gateway.",
        .example = "connections: 20000\n",
    },
    {
        .name = "address_connections", .type = SETTING_COUNT, .default_text = "0",
        .min = 0, .max = 10000000, FIELD(struct connection_limits, address.connections),
        .meaning = "How many connections one address (IPv4), or one /64 (IPv6), may have; 0 for no "
                   "limit. Behind a load balancer or a NAT many clients have one address.",
        .example = "address_connections: 200\n",
    },
    {
        .name = "address_failed_handshakes", .type = SETTING_COUNT, .default_text = "0",
        .min = 0, .max = 1000000, FIELD(struct connection_limits, address.failed_handshakes),
        .meaning = "How many handshakes of one address may fail within "
                   "`address_failure_time`; beyond that it is refused, before any TLS, until as "
                   "much of the time has passed as one failure stands for. 0 for no limit.",
        .example = "address_failed_handshakes: 30\n",
    },
    {
        .name = "address_failure_time", .type = SETTING_DURATION, .default_text = "60s",
        .min = 1000, .max = 24 * HOURS,
        FIELD(struct connection_limits, address.failed_handshake_ms),
        .meaning = "The time for `address_failed_handshakes`.",
        .example = "address_failure_time: 10m\n",
    },
    {
        .name = "unlimited_addresses", .type = SETTING_TEXTS, .is_valid = settings_range_is_valid,
        FIELD(struct connection_limits, unlimited_addresses),
        .otherwise = "the trusted proxies of the listener",
        .meaning = "Addresses or networks that limits by address do not concern, besides the "
                   "listener's `trusted_proxies`.",
        .example = "unlimited_addresses: [10.0.0.0/8]\n",
    },
    {
        .name = "handshake_time", .type = SETTING_DURATION, .default_text = "10s",
        .min = 1, .max = 1 * HOURS, FIELD(struct connection_limits, handshake_ms),
        .meaning = "How long a TLS handshake may take.",
        .example = "handshake_time: 5s\n",
    },
    {
        .name = "request_time", .type = SETTING_DURATION, .default_text = "60s",
        .min = 1, .max = 1 * HOURS, FIELD(struct connection_limits, request_ms),
        .meaning = "How long a client may take from the first byte of a request's head to its end.",
        .example = "request_time: 20s\n",
    },
    {
        .name = "keep_alive", .type = SETTING_DURATION, .default_text = "75s",
        .min = 1, .max = 24 * HOURS, FIELD(struct connection_limits, keep_alive_ms),
        .meaning = "How long a connection may idle between two requests.",
        .example = "keep_alive: 2m\n",
    },
    {
        .name = "connection_requests", .type = SETTING_COUNT, .default_text = "0",
        .min = 0, .max = 1000000000, FIELD(struct connection_limits, connection_requests),
        .meaning = "How many requests a connection may carry before it is closed behind an answer; "
                   "0 for no limit. Each request is judged anew, so that nothing but the spreading "
                   "of load asks for one.",
        .example = "connection_requests: 10000\n",
    },
    {
        .name = "pipelined_requests", .type = SETTING_COUNT, .default_text = "100",
        .min = 1, .max = 100000, FIELD(struct connection_limits, pipelined_requests),
        .meaning = "How many requests a client may send at once without waiting for answers; the "
                   "connection is closed behind the last of them.",
        .example = "pipelined_requests: 16\n",
    },
    {
        .name = "request_idle_time", .type = SETTING_DURATION, .default_text = "30s",
        .min = 1, .max = 24 * HOURS, FIELD(struct connection_limits, request_idle_ms),
        .meaning = "How long there may be nothing between two parts of a request's content.",
        .example = "request_idle_time: 10s\n",
    },
    {
        .name = "response_idle_time", .type = SETTING_DURATION, .default_text = "30s",
        .min = 1, .max = 24 * HOURS, FIELD(struct connection_limits, response_idle_ms),
        .meaning = "How long a client may take nothing of its answer.",
        .example = "response_idle_time: 10s\n",
    },
    {
        .name = "request_rate", .type = SETTING_SIZE, .default_text = "240B",
        .min = 0, .max = 1024 * MIB, FIELD(struct connection_limits, request_rate),
        .meaning = "How many bytes of a request's content a client must send in a second, on the "
                   "average of a `rate_window`; 0 for no limit. Only time in which the gateway "
                   "waits for the client counts: a slow backend is not the client's fault.",
        .example = "request_rate: 1KiB\n",
    },
    {
        .name = "response_rate", .type = SETTING_SIZE, .default_text = "240B",
        .min = 0, .max = 1024 * MIB, FIELD(struct connection_limits, response_rate),
        .meaning = "How many bytes of what waits for it a client must take in a second, on the "
                   "average of a `rate_window`; 0 for no limit.",
        .example = "response_rate: 1KiB\n",
    },
    {
        .name = "rate_window", .type = SETTING_DURATION, .default_text = "10s",
        .min = 100, .max = 1 * HOURS, FIELD(struct connection_limits, rate_window_ms),
        .meaning = "Over how much time `request_rate` and `response_rate` are measured.",
        .example = "rate_window: 30s\n",
    },
    {
        .name = "rate_grace", .type = SETTING_DURATION, .default_text = "5s",
        .min = 0, .max = 1 * HOURS, FIELD(struct connection_limits, rate_grace_ms),
        .meaning = "By how much the first window is longer.",
        .example = "rate_grace: 10s\n",
    },
    {
        .name = "revocation_time", .type = SETTING_DURATION, .default_text = "5s",
        .min = 1, .max = 24 * HOURS, FIELD(struct connection_limits, revocation_ms),
        .meaning = "How long a request waits for the first news about the revocation of its "
                   "client's certificate.",
        .example = "revocation_time: 2s\n",
    },
    {
        .name = "rejudge_interval", .type = SETTING_DURATION, .default_text = "1s",
        .min = 10, .max = 60 * SECONDS, FIELD(struct connection_limits, rejudge_ms),
        .meaning = "How long a change may take to end what its client may do no longer: downloads, "
                   "uploads, requests that wait, connections that idle. A change is a revocation, "
                   "a reload, the end of a certificate's life or of a list. A new request is "
                   "judged by what is known at that moment, whatever this says.",
        .example = "rejudge_interval: 500ms\n",
    },
    {
        .name = "drain_time", .type = SETTING_DURATION, .default_text = "30s",
        .min = 0, .max = 24 * HOURS, FIELD(struct connection_limits, drain_ms),
        .meaning = "How long what runs may go on after the gateway was told to stop.",
        .example = "drain_time: 5s\n",
    },
    {
        .name = "request_header_size", .type = SETTING_SIZE, .default_text = "32KiB",
        .min = 1 * KIB, .max = 64 * KIB, FIELD(struct connection_limits, request_header_bytes),
        .meaning = "How large the head of a request may be.",
        .example = "request_header_size: 16KiB\n",
    },
    {
        .name = "request_header_count", .type = SETTING_COUNT, .default_text = "100",
        .min = 1, .max = 1000, FIELD(struct connection_limits, request_header_count),
        .meaning = "How many headers a request may have.",
        .example = "request_header_count: 64\n",
    },
    {
        .name = "request_target_size", .type = SETTING_SIZE, .default_text = "32KiB",
        .min = 256, .max = 64 * KIB, FIELD(struct connection_limits, request_target_bytes),
        .meaning = "How large the target of a request, path and query, may be. It is a part of the "
                   "head, so that `request_header_size` holds for it as well.",
        .example = "request_target_size: 4KiB\n",
    },
    {
        .name = "request_content_size", .type = SETTING_SIZE, .default_text = "4GiB",
        .min = 0, .max = 1024 * TIB, FIELD(struct connection_limits, request_content_bytes),
        .meaning = "How large the content of a request may be; 0 for no limit.",
        .example = "request_content_size: 100MiB\n",
    },
    {
        .name = "response_header_size", .type = SETTING_SIZE, .default_text = "32KiB",
        .min = 1 * KIB, .max = 64 * KIB, FIELD(struct connection_limits, response_header_bytes),
        .meaning = "How large the head of a backend's answer may be.",
        .example = "response_header_size: 64KiB\n",
    },
    {
        .name = "response_header_count", .type = SETTING_COUNT, .default_text = "200",
        .min = 1, .max = 1000, FIELD(struct connection_limits, response_header_count),
        .meaning = "How many headers a backend's answer may have.",
        .example = "response_header_count: 100\n",
    },
    {
        .name = "chunk_extension_size", .type = SETTING_SIZE, .default_text = "4KiB",
        .min = 0, .max = 1 * MIB, FIELD(struct connection_limits, chunk_extension_bytes),
        .meaning = "How large the chunk extensions of a request may be, all together. Nobody needs "
                   "them; they are read and dropped.",
        .example = "chunk_extension_size: 256\n",
    },
    {
        .name = "trailer_size", .type = SETTING_SIZE, .default_text = "8KiB",
        .min = 0, .max = 16 * KIB, FIELD(struct connection_limits, trailer_bytes),
        .meaning = "How large the trailers of a request, or of a backend's answer, may be.",
        .example = "trailer_size: 1KiB\n",
    },
    {
        .name = "trailer_count", .type = SETTING_COUNT, .default_text = "32",
        .min = 0, .max = 100, FIELD(struct connection_limits, trailer_count),
        .meaning = "How many trailers a request, or a backend's answer, may have.",
        .example = "trailer_count: 8\n",
    },
};

static const struct settings_mapping limit_mapping = {
    .title = "limits",
    .meaning = "What a client or a backend can make the gateway hold or wait for.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "limits:\n"
             "  @\n",
    SETTINGS(limit_settings),
    .size = sizeof(struct connection_limits),
    .finish = settings_finish_limits,
};

/* --- Commands and monitoring ------------------------------------------------------------------ */

static const struct setting admin_settings[] = {
    {
        .name = "socket", .type = SETTING_PATH, .is_required = true,
        FIELD(struct generation_settings, admin_socket),
        .meaning = "A socket in the file system, for `sallyport reload`, `drain`, `stop`, "
                   "`status`, `certs` and `healthcheck`. It is made when the gateway starts, with "
                   "mode 0600, in a directory that must be there; only root and the gateway's own "
                   "user are obeyed.",
        .example = "socket: /run/sallyport/admin.sock\n",
    },
};

static const struct settings_mapping admin_mapping = {
    .title = "admin",
    .meaning = "Where the gateway takes commands.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "admin:\n"
             "  socket: admin.sock\n"
             "  @\n",
    SETTINGS(admin_settings),
    .size = sizeof(struct generation_settings),
    .finish = settings_finish_admin,
};

static const struct setting monitoring_settings[] = {
    {
        .name = "address", .type = SETTING_TEXT, .is_required = true,
        .is_valid = settings_address_is_valid,
        FIELD(struct generation_settings, monitoring_address),
        .meaning = "Address and port of plain HTTP, for `/metrics` (Prometheus), `/livez` and "
                   "`/readyz`. It can be read only, and shows nobody's identity, but everybody who "
                   "reaches it may read it.",
        .example = "address: \"127.0.0.1:9101\"\n",
    },
    {
        .name = "hosts", .type = SETTING_TEXTS, .is_valid = settings_monitoring_host_is_valid,
        FIELD(struct generation_settings, monitoring_hosts),
        .otherwise = "none",
        .meaning = "Names that requests may be made to, besides IP addresses and `localhost`. A "
                   "request to any other name is refused, so that no page in a browser can have "
                   "one made.",
        .example = "hosts: [gateway.internal]\n",
    },
};

static const struct settings_mapping monitoring_mapping = {
    .title = "monitoring",
    .meaning = "Where the gateway shows how it is.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "monitoring:\n"
             "  address: \"127.0.0.1:9101\"\n"
             "  @\n",
    SETTINGS(monitoring_settings),
    .size = sizeof(struct generation_settings),
};

/* --- Tokens ----------------------------------------------------------------------------------- */

static bool is_absolute(struct slice text, struct error *error)
{
    if (slice_starts_with(text, SLICE("/")))
        return true;
    error_set(error, ERROR_VALUE, "'%.80s' must be an absolute path", text.data);
    return false;
}

static const struct setting pkcs11_settings[] = {
    {
        .name = "module", .type = SETTING_TEXT, .is_valid = is_absolute,
        FIELD(struct generation_settings, pkcs11_module),
        .otherwise = "p11-kit's, which knows the modules of the system",
        .meaning = "The library of the token's maker.",
        .example = "module: /usr/lib/softhsm/libsofthsm2.so\n",
    },
    {
        .name = "directories", .type = SETTING_TEXTS, .is_valid = is_absolute,
        FIELD(struct generation_settings, pkcs11_directories),
        .otherwise = "none",
        .meaning = "Directories that the module reads and writes while the gateway runs, such as "
                   "where SoftHSM keeps its tokens. The gateway is confined to what it needs, and "
                   "cannot know of these; its user must have the right to them too.",
        .example = "directories: [/var/lib/softhsm/tokens]\n",
    },
};

static const struct settings_mapping pkcs11_mapping = {
    .title = "pkcs11",
    .meaning = "How keys in tokens are reached. It takes effect when the gateway starts, with a "
               "key in a token in the configuration; signing is done by the thread that serves the "
               "client, which waits for the token.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "pkcs11:\n"
             "  @\n",
    SETTINGS(pkcs11_settings),
    .size = sizeof(struct generation_settings),
};

/* --- Fetching --------------------------------------------------------------------------------- */

static const struct setting fetch_settings[] = {
    {
        .name = "allow", .type = SETTING_TEXTS, .is_valid = settings_range_is_valid,
        FIELD(struct generation_settings, fetch_allowed),
        .otherwise = "the public Internet alone",
        .meaning = "Addresses and networks that revocation lists and OCSP responders may be at, "
                   "besides the public Internet. Private, link-local, loopback and other special "
                   "addresses, and the gateway's own listeners, are refused else: whoever gets a "
                   "certificate, or answers with a redirect, may choose where the gateway asks.",
        .example = "allow: [10.1.2.0/24]\n",
    },
};

static const struct settings_mapping fetch_mapping = {
    .title = "fetch",
    .meaning = "Where the gateway may fetch revocation lists and OCSP answers from.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "fetch:\n"
             "  @\n",
    SETTINGS(fetch_settings),
    .size = sizeof(struct generation_settings),
};

/* --- Names ------------------------------------------------------------------------------------ */

static const struct setting resolver_settings[] = {
    {
        .name = "servers", .type = SETTING_TEXTS, .is_valid = settings_name_server_is_valid,
        FIELD(struct resolver_settings, servers),
        .otherwise = "those of `/etc/resolv.conf`, which a reload reads again",
        .meaning = "Name servers, as addresses, with a port unless it is 53; at most 8. The "
                   "next is asked when one does not answer.",
        .example = "servers: [192.0.2.53, \"[2001:db8::53]:5353\"]\n",
    },
    {
        .name = "timeout", .type = SETTING_DURATION, .default_text = "2s",
        .min = 50, .max = 60 * SECONDS, FIELD(struct resolver_settings, timeout_ms),
        .meaning = "How long a server may take to answer the first time it is asked; each further "
                   "attempt may take longer.",
        .example = "timeout: 500ms\n",
    },
    {
        .name = "attempts", .type = SETTING_COUNT, .default_text = "2", .min = 1, .max = 10,
        FIELD(struct resolver_settings, attempts),
        .meaning = "How often each server is asked.",
        .example = "attempts: 3\n",
    },
    {
        .name = "min_ttl", .type = SETTING_DURATION, .default_text = "1s",
        .min = 100, .max = 24 * HOURS, FIELD(struct resolver_settings, ttl_min_ms),
        .meaning = "An answer is used at least so long, even where DNS says less.",
        .example = "min_ttl: 5s\n",
    },
    {
        .name = "max_ttl", .type = SETTING_DURATION, .default_text = "1h",
        .min = 1 * SECONDS, .max = 24 * HOURS, FIELD(struct resolver_settings, ttl_max_ms),
        .meaning = "An answer is asked for again after so long, even where DNS says more.",
        .example = "max_ttl: 5m\n",
    },
    {
        .name = "search", .type = SETTING_BOOLEAN, .default_text = "true",
        FIELD(struct resolver_settings, searches),
        .meaning = "Whether the search domains of `/etc/resolv.conf` are tried behind a name, as "
                   "other programs of the machine do. With `false` a name is what it says.",
        .example = "search: false\n",
    },
};

static const struct settings_mapping resolver_mapping = {
    .title = "resolver",
    .meaning = "How the addresses of endpoints are found that are names.",
    .frame = "version: 1\n" FRAME_LISTENERS
             "resolver:\n"
             "  @\n",
    SETTINGS(resolver_settings),
    .size = sizeof(struct resolver_settings),
    .finish = settings_finish_resolver,
};

/* --- The root --------------------------------------------------------------------------------- */

static const struct setting_choice confinement_choices[] = {
    {"on", CONFINEMENT_FILTERS_ON, false},
    {"off", CONFINEMENT_FILTERS_OFF, false},
    {NULL, 0, false},
};

/* Definitions come first, because they are read in this order and used by name further down. */
static const struct setting root_settings[] = {
    {
        .name = "version", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .is_required = true, .read = settings_read_version, .expects = "the number 1",
        .meaning = "The version of this language.",
        .example = "version: 1\n",
    },
    {
        .name = "include", .type = SETTING_TEXTS, .is_of_files = true,
        FIELD(struct root_settings, included),
        .otherwise = "none",
        .meaning = "More files of this configuration; what they say is put behind what this file "
                   "says. The last part of a path may be a pattern, whose files are read in the "
                   "order of their names and which may match none. Names and listeners are added "
                   "to those that are known; everything else is said in one file only. Included "
                   "files need no `version`, and may include files themselves.",
        .example = "include: [\"conf.d/*.yaml\"]\n",
    },
    {
        .name = "tls_profiles", .type = SETTING_NAMED, .mapping = &tls_profile_mapping,
        LIST_FIELD(struct root_settings, tls_profiles, tls_profile_count),
        .otherwise = "none",
        .meaning = "TLS profiles by name.",
        .example = "tls_profiles:\n"
                   "  public:\n"
                   "    certificates: [{ chain: server.pem, key: server.key }]\n",
    },
    {
        .name = "trust_profiles", .type = SETTING_NAMED, .mapping = &trust_profile_mapping,
        LIST_FIELD(struct root_settings, trust_profiles, trust_profile_count),
        .otherwise = "none",
        .meaning = "Trust profiles by name.",
        .example = "trust_profiles:\n"
                   "  partners:\n"
                   "    anchors: [partners.pem]\n",
    },
    {
        .name = "policies", .type = SETTING_NAMED_LISTS, .mapping = &policy_rule_mapping,
        .read = settings_read_policy_rules, .otherwise = "none",
        .meaning = "Policies by name: lists of rules, of which the first that matches decides. A "
                   "request that none matches is denied.",
        .example = "policies:\n"
                   "  order-clients:\n"
                   "    - deny: { issuer: { O: \"Test\" } }\n"
                   "    - allow: { san_uri: [\"spiffe://example.org/orders/*\"] }\n",
    },
    {
        .name = "backends", .type = SETTING_NAMED, .mapping = &backend_mapping,
        LIST_FIELD(struct root_settings, backends, backend_count),
        .otherwise = "none",
        .meaning = "Backends by name.",
        .example = "backends:\n"
                   "  app: { endpoints: [\"http://127.0.0.1:8080\"] }\n",
    },
    {
        .name = "route_sets", .type = SETTING_NAMED_LISTS, .mapping = &route_mapping,
        .read = settings_read_route_set,
        .otherwise = "none",
        .meaning = "Lists of routes by name, for listeners that serve the same: `routes: NAME`. "
                   "Each listener judges the requests by its own `client_certificate`, where a "
                   "route does not say otherwise.",
        .example = "route_sets:\n"
                   "  app:\n"
                   "    - paths: [/healthz]\n"
                   "      client_certificate: { mode: none }\n"
                   "      backend: \"http://127.0.0.1:8080\"\n"
                   "    - backend: \"http://127.0.0.1:8080\"\n",
    },
    {
        .name = "listeners", .type = SETTING_ITEMS, .is_required = true,
        .mapping = &listener_mapping,
        LIST_FIELD(struct root_settings, generation.listeners, generation.listener_count),
        .meaning = "Where clients connect.",
        .example = "listeners:\n"
                   "  - address: \":8443\"\n"
                   "    tls: { certificates: [{ chain: server.pem, key: server.key }] }\n"
                   "    client_certificate: { trust: [client-ca.pem] }\n"
                   "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n",
    },
    {
        .name = "limits", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &limit_mapping,
        FIELD(struct root_settings, generation.limits),
        .meaning = "What a client or a backend can make the gateway hold or wait for.",
        .example = "limits: { request_header_size: 16KiB, keep_alive: 2m }\n",
    },
    {
        .name = "log", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &log_mapping,
        FIELD(struct root_settings, generation),
        .meaning = "What is written where.",
        .example = "log: { access: { to: stdout, format: json }, events: { level: warning } }\n",
    },
    {
        .name = "admin", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &admin_mapping,
        FIELD(struct root_settings, generation),
        .otherwise = "no commands, only signals",
        .meaning = "Where the gateway takes commands.",
        .example = "admin: { socket: /run/sallyport/admin.sock }\n",
    },
    {
        .name = "monitoring", .type = SETTING_MAPPING, .is_embedded = true,
        .mapping = &monitoring_mapping,
        FIELD(struct root_settings, generation),
        .otherwise = "nowhere",
        .meaning = "Where the gateway shows how it is.",
        .example = "monitoring: { address: \"127.0.0.1:9101\" }\n",
    },
    {
        .name = "pkcs11", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &pkcs11_mapping,
        FIELD(struct root_settings, generation),
        .otherwise = "p11-kit's module",
        .meaning = "How keys in tokens are reached.",
        .example = "pkcs11: { module: /usr/lib/softhsm/libsofthsm2.so }\n",
    },
    {
        .name = "workers", .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR,
        .read = settings_read_workers, .expects = "auto or a number", .default_text = "auto",
        FIELD(struct root_settings, generation.workers),
        .meaning = "How many threads serve clients; `auto` for one a core.",
        .example = "workers: 4\n",
    },
    {
        .name = "user", .type = SETTING_TEXT, .is_valid = settings_name_is_valid,
        FIELD(struct root_settings, generation.user),
        .otherwise = "sallyport, or nobody where that user does not exist",
        .meaning = "Whom the gateway becomes when it is started as root.",
        .example = "user: sallyport\n",
    },
    {
        .name = "confinement", .type = SETTING_CHOICE, .choices = confinement_choices,
        .default_text = "on", FIELD(struct root_settings, generation.filters),
        .meaning = "Keep the process to the files and the system calls that it needs (Landlock, "
                   "seccomp). Root is given up in any case.",
        .example = "confinement: \"off\"\n",
    },
    {
        .name = "via", .type = SETTING_TEXT, .is_valid = settings_pseudonym_is_valid,
        FIELD(struct root_settings, generation.pseudonym),
        .otherwise = "`sallyport-` and eight characters that are drawn at each start",
        .meaning = "The name by which `Via` and `Proxy-Status` speak of this gateway. A request "
                   "whose `Via` has it already goes round in circles, and is refused; give "
                   "gateways that follow each other different names.",
        .example = "via: edge.example.com\n",
    },
    NOT_YET("rewrites"),
    {
        .name = "fetch", .type = SETTING_MAPPING, .is_embedded = true, .mapping = &fetch_mapping,
        FIELD(struct root_settings, generation),
        .meaning = "Where the gateway may fetch from by itself.",
        .example = "fetch: { allow: [10.1.2.0/24] }\n",
    },
    {
        .name = "resolver", .type = SETTING_MAPPING, .is_embedded = true,
        .mapping = &resolver_mapping, FIELD(struct root_settings, generation.resolver),
        .meaning = "How the names of endpoints are resolved.",
        .example = "resolver: { servers: [192.0.2.53], max_ttl: 1m }\n",
    },
    {
        .name = "state_dir", .type = SETTING_PATH,
        FIELD(struct root_settings, generation.state_directory),
        .otherwise = "nothing is kept over restarts",
        .meaning = "A directory that is the gateway's own, where it keeps what responders have "
                   "said. It must be there, and writable to the gateway's user.",
        .example = "state_dir: /var/lib/sallyport\n",
    },
};

static const struct settings_mapping root_mapping = {
    .title = "Top level",
    .meaning = "What stands at the left margin of the file.",
    .frame = "version: 1\n" FRAME_LISTENERS "@\n",
    SETTINGS(root_settings),
    .size = sizeof(struct root_settings),
    .finish = settings_finish_root,
};

/* clang-format on */

/* As a reader of the documentation wants to meet them. */
static const struct settings_mapping *const mappings[] = {
    &root_mapping,
    &listener_mapping,
    &listener_certificate_mapping,
    &route_mapping,
    &route_certificate_mapping,
    &identity_header_mapping,
    &tls_profile_mapping,
    &certificate_mapping,
    &policy_mapping,
    &trust_profile_mapping,
    &revocation_mapping,
    &exception_mapping,
    &crl_mapping,
    &ocsp_mapping,
    &anchor_mapping,
    &policy_rule_mapping,
    &policy_condition_mapping,
    &policy_name_mapping,
    &policy_serial_mapping,
    &backend_mapping,
    &backend_tls_mapping,
    &backend_signature_mapping,
    &endpoint_mapping,
    &timeout_mapping,
    &queue_mapping,
    &ejection_mapping,
    &limit_mapping,
    &log_mapping,
    &access_mapping,
    &event_mapping,
    &admin_mapping,
    &monitoring_mapping,
    &fetch_mapping,
    &resolver_mapping,
    &pkcs11_mapping,
    NULL,
};

size_t settings_mapping_count(void)
{
    size_t count = 0;

    while (mappings[count] != NULL)
        count++;
    return count;
}

const struct settings_mapping *settings_mapping_get(size_t index)
{
    return mappings[index];
}
