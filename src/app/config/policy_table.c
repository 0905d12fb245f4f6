/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of the table that is about policies. docs/POLICY.md tells the same as a story.
 */
#include "app/config/settings_table_internal.h"

#include "app/config/special_settings_internal.h"
#include "gateway/policy/policy.h"
#include "gateway/routing/routing.h"

#define TEXT_OR_TEXTS                                                                              \
    .type = SETTING_SPECIAL, .forms = SETTING_FORM_SCALAR | SETTING_FORM_LIST,                     \
    .read = settings_read_text_list, .expects = "text or a list of text"
#define CONDITION(member) POINTER(struct policy_condition_settings, member)
#define VALUE(member)     FIELD(struct policy_condition_settings, member)
#define ATTRIBUTE(index, text, what, value)                                                        \
    {                                                                                              \
        .name = (text), TEXT_OR_TEXTS, .is_valid = policy_attribute_value_is_valid,                \
        POINTER(struct policy_name_settings, attributes[index]), .otherwise = "any",               \
        .meaning = (what), .example = text ": " value "\n",                                        \
    }
#define YEARS (24 * 366 * HOURS)

#define FRAME_RULES                                                                                \
    "version: 1\n" FRAME_LISTENERS "policies:\n"                                                   \
    "  order-clients:\n"

/* clang-format off */

/* --- Names ------------------------------------------------------------------------------------ */

/* In the order of policy_attribute_name; a test compares the two. */
static const struct setting policy_name_settings[] = {
    ATTRIBUTE(0, "CN", "The common name.", "\"*.example.com\""),
    ATTRIBUTE(1, "O", "The organization.", "[Contoso, \"Fabrikam *\"]"),
    ATTRIBUTE(2, "OU", "An organizational unit; of several, one suffices.", "Sales"),
    ATTRIBUTE(3, "C", "The country.", "DE"),
    ATTRIBUTE(4, "ST", "The state or province.", "Bavaria"),
    ATTRIBUTE(5, "L", "The locality.", "Munich"),
    ATTRIBUTE(6, "DC", "A domain component; of several, one suffices.", "example"),
    ATTRIBUTE(7, "UID", "The user id.", "alice"),
    ATTRIBUTE(8, "GN", "The given name.", "Alice"),
    ATTRIBUTE(9, "SN", "The surname.", "Liddell"),
    ATTRIBUTE(10, "street", "The street.", "Main Street"),
    ATTRIBUTE(11, "title", "The title.", "Auditor"),
    ATTRIBUTE(12, "serialNumber", "The serial number in the name, which is not the certificate's.",
              "\"4711\""),
    ATTRIBUTE(13, "emailAddress", "The e-mail address in the name.", "\"*@example.com\""),
    ATTRIBUTE(14, "organizationIdentifier",
              "The organization's number in a register, as in eIDAS certificates.",
              "PSDDE-BAFIN-123456"),
    {
        .name = "others", TEXT_OR_TEXTS, .is_valid = policy_other_attribute_is_valid,
        POINTER(struct policy_name_settings, others), .otherwise = "none",
        .meaning = "Attributes that have no name here, as `OID=VALUE`; all of them.",
        .example = "others: \"1.3.6.1.4.1.311.60.2.1.3=DE\"\n",
    },
};

const struct settings_mapping policy_name_mapping = {
    .title = "policies.NAME[].allow.subject",
    .meaning = "Attributes of a distinguished name, which must all be there, each with one of its "
               "values. Case of ASCII letters, runs of blanks and the type of the string make no "
               "difference; a `*` stands for anything. An attribute that a name has twice, with "
               "different values, is undecidable, except `OU` and `DC`.",
    .frame = FRAME_RULES
             "    - allow:\n"
             "        subject:\n"
             "          @\n",
    SETTINGS(policy_name_settings),
    .size = sizeof(struct policy_name_settings),
    POSITION(struct policy_name_settings),
};

/* --- Serial numbers --------------------------------------------------------------------------- */

static const struct setting policy_serial_settings[] = {
    {
        .name = "issuer", .type = SETTING_PATH,
        FIELD(struct policy_serial_settings, issuer), .otherwise = "`issuer_key` is needed",
        .meaning = "A file with the certificate of the issuer, of which only the key matters.",
        .example = "issuer: issuing-ca.pem\n",
    },
    {
        .name = "issuer_key", .type = SETTING_TEXT, .is_valid = policy_sha256_is_valid,
        FIELD(struct policy_serial_settings, issuer_key), .otherwise = "`issuer` is needed",
        .meaning = "The SHA-256 of the issuer's subjectPublicKeyInfo, instead of `issuer`.",
        .example = "issuer_key: "
                   "ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ffeeddccbbaa99887766554433\n",
    },
    {
        .name = "numbers", TEXT_OR_TEXTS, .is_required = true, .is_valid = policy_serial_is_valid,
        POINTER(struct policy_serial_settings, serials),
        .meaning = "Serial numbers in hexadecimal.",
        .example = "issuer: issuing-ca.pem\nnumbers: [\"0A:1B:2C\", 4f00d1e5aa]\n",
    },
};

const struct settings_mapping policy_serial_mapping = {
    .title = "policies.NAME[].deny.serials[]",
    .meaning = "Certificates of one issuer, which is known by its key, by their serial numbers. "
               "Nothing that its holder can change about a certificate changes these.",
    .frame = FRAME_RULES
             "    - deny:\n"
             "        serials:\n"
             "          -\n"
             "            numbers: 0A1B2C\n"
             "            @\n",
    SETTINGS(policy_serial_settings),
    .size = sizeof(struct policy_serial_settings),
    POSITION(struct policy_serial_settings),
    .finish = settings_finish_policy_serial,
};

/* --- Conditions ------------------------------------------------------------------------------- */

static const struct setting policy_condition_settings[] = {
    {
        .name = "everybody", .type = SETTING_BOOLEAN, VALUE(everybody),
        .otherwise = "the conditions say who",
        .meaning = "`true`: no condition; every client that the client certificate settings let "
                   "in, and every request. It stands alone.",
        .example = "everybody: true\n",
    },
    {
        .name = "fingerprint_sha256", TEXT_OR_TEXTS, .is_valid = policy_sha256_is_valid,
        CONDITION(fingerprints_sha256), .otherwise = "any",
        .meaning = "SHA-256 of the certificate, with or without colons. Bound to the key.",
        .example = "fingerprint_sha256: "
                   "ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ffeeddccbbaa99887766554433\n",
    },
    {
        .name = "fingerprint_sha1", TEXT_OR_TEXTS, .is_valid = policy_sha1_is_valid,
        CONDITION(fingerprints_sha1), .otherwise = "any",
        .meaning = "SHA-1 of the certificate, which some call its thumbprint. Bound to the key.",
        .example = "fingerprint_sha1: ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ff\n",
    },
    {
        .name = "fingerprints_file", .type = SETTING_PATH, VALUE(fingerprints_file.path),
        .otherwise = "none",
        .meaning = "A file of fingerprints, SHA-256 or SHA-1, a line each; `#` begins a comment. "
                   "It may hold many thousands; it is watched, and taken whole or not at all: "
                   "what is empty, malformed or cut off is refused, and what was in effect stays.",
        .example = "fingerprints_file: partners.txt\n",
    },
    {
        .name = "fingerprints_at_least", .type = SETTING_COUNT, .otherwise = "1",
        .min = 1, .max = 100000000, VALUE(fingerprints_file.at_least),
        .meaning = "How many fingerprints the file must hold; with fewer it is refused.",
        .example = "fingerprints_file: partners.txt\nfingerprints_at_least: 500\n",
    },
    {
        .name = "fingerprints_digest", .type = SETTING_TEXT, .is_valid = policy_sha256_is_valid,
        VALUE(fingerprints_file.digest), .otherwise = "any",
        .meaning = "SHA-256 of the whole file; any other file is refused.",
        .example = "fingerprints_file: partners.txt\nfingerprints_digest: "
                   "ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ffeeddccbbaa99887766554433\n",
    },
    {
        .name = "fingerprints_shrink", .type = SETTING_COUNT, .otherwise = "50",
        .min = 1, .max = 100, VALUE(fingerprints_file.shrink_percent_max),
        .meaning = "By how many percent a reload may make the file smaller. More is refused, as a "
                   "list that was cut off would look so.",
        .example = "fingerprints_file: partners.txt\nfingerprints_shrink: 10\n",
    },
    {
        .name = "key_sha256", TEXT_OR_TEXTS, .is_valid = policy_sha256_is_valid,
        CONDITION(keys_sha256), .otherwise = "any",
        .meaning = "SHA-256 of the certificate's subjectPublicKeyInfo: the same after a renewal "
                   "with the same key. Bound to the key.",
        .example = "key_sha256: "
                   "[ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ffeeddccbbaa99887766554433]\n",
    },
    {
        .name = "serials", .type = SETTING_ITEMS, .mapping = &policy_serial_mapping,
        LIST_FIELD(struct policy_condition_settings, serials, serial_count), .otherwise = "any",
        .meaning = "Serial numbers by the key of their issuer.",
        .example = "serials: [{ issuer: issuing-ca.pem, numbers: [0A1B2C] }]\n",
    },
    {
        .name = "subject", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_LIST | SETTING_FORM_MAPPING,
        .read = settings_read_policy_names, .mapping = &policy_name_mapping,
        .expects = "a whole name, a list of such, or a mapping of attributes",
        LIST_FIELD(struct policy_condition_settings, subjects, subject_count), .otherwise = "any",
        .meaning = "The subject: the whole name as RFC 4514 writes it, `CN` first, or some of its "
                   "attributes.",
        .example = "subject: { O: Contoso, OU: [Sales, Support] }\n",
    },
    {
        .name = "issuer", .type = SETTING_SPECIAL,
        .forms = SETTING_FORM_SCALAR | SETTING_FORM_LIST | SETTING_FORM_MAPPING,
        .read = settings_read_policy_names, .mapping = &policy_name_mapping,
        .expects = "a whole name, a list of such, or a mapping of attributes",
        LIST_FIELD(struct policy_condition_settings, issuers, issuer_count), .otherwise = "any",
        .meaning = "The name of the issuer, in the same forms.",
        .example = "issuer: \"CN=Issuing CA 3,O=Contoso,C=DE\"\n",
    },
    {
        .name = "san_dns", TEXT_OR_TEXTS, .is_valid = policy_dns_is_valid, CONDITION(san_dns),
        .otherwise = "any",
        .meaning = "A DNS name among the subject alternative names. A `*` stands for one label or "
                   "a part of it, `**.` in front for any number of labels.",
        .example = "san_dns: [a.example.com, \"*.partner.example.com\"]\n",
    },
    {
        .name = "san_uri", TEXT_OR_TEXTS, .is_valid = policy_uri_is_valid, CONDITION(san_uri),
        .otherwise = "any",
        .meaning = "A URI among them. A `*` stands for one segment of the path or a part of it, "
                   "`**` at the end for any number of segments.",
        .example = "san_uri: [\"spiffe://example.org/ns/orders/sa/*\", "
                   "\"spiffe://example.org/ops/**\"]\n",
    },
    {
        .name = "san_email", TEXT_OR_TEXTS, .is_valid = policy_email_is_valid,
        CONDITION(san_email), .otherwise = "any",
        .meaning = "An e-mail address among them. A `*` stands for what is in front of the '@', "
                   "for one label behind it, or for a part of either.",
        .example = "san_email: [alice@example.com, \"*@sales.example.com\"]\n",
    },
    {
        .name = "san_ip", TEXT_OR_TEXTS, .is_valid = policy_network_is_valid, CONDITION(san_ip),
        .otherwise = "any",
        .meaning = "An IP address among them, in one of these networks.",
        .example = "san_ip: [192.0.2.7, 10.0.0.0/8]\n",
    },
    {
        .name = "san_upn", TEXT_OR_TEXTS, .is_valid = policy_upn_is_valid, CONDITION(san_upn),
        .otherwise = "any",
        .meaning = "A user principal name among them, in any case of letters; stars as in "
                   "`san_email`.",
        .example = "san_upn: [\"*@corp.example.com\"]\n",
    },
    {
        .name = "sid", TEXT_OR_TEXTS, .is_valid = policy_sid_is_valid, CONDITION(sid),
        .otherwise = "any",
        .meaning = "The Windows security identifier (extension 1.3.6.1.4.1.311.25.2); a `*` may "
                   "stand for the last number.",
        .example = "sid: S-1-5-21-1004336348-1177238915-682003330-512\n",
    },
    {
        .name = "anchor", TEXT_OR_TEXTS, .is_valid = settings_name_is_valid, CONDITION(anchors),
        .otherwise = "any",
        .meaning = "The name of the trust anchor that the verified path ends in: the `name` of an "
                   "entry of `anchors`.",
        .example = "anchor: contoso\n",
    },
    {
        .name = "eku", TEXT_OR_TEXTS, .is_valid = policy_object_is_valid, CONDITION(ekus),
        .otherwise = "any",
        .meaning = "An extended key usage: its object identifier, or OpenSSL's name of it.",
        .example = "eku: [clientAuth, 1.3.6.1.4.1.311.20.2.2]\n",
    },
    {
        .name = "policy_oid", TEXT_OR_TEXTS, .is_valid = policy_object_is_valid,
        CONDITION(policies), .otherwise = "any",
        .meaning = "A certificate policy of the certificate.",
        .example = "policy_oid: 1.3.6.1.4.1.99999.1.2\n",
    },
    {
        .name = "template_oid", TEXT_OR_TEXTS, .is_valid = policy_object_is_valid,
        CONDITION(templates), .otherwise = "any",
        .meaning = "The certificate template of Active Directory (extension 1.3.6.1.4.1.311.21.7).",
        .example = "template_oid: 1.3.6.1.4.1.311.21.8.1.2.3\n",
    },
    {
        .name = "qc_statement", TEXT_OR_TEXTS, .is_valid = policy_qc_statement_is_valid,
        CONDITION(qc_statements), .otherwise = "any",
        .meaning = "A statement of a qualified certificate, or a type in it: compliance, sscd, "
                   "esign, eseal, web, or an object identifier.",
        .example = "qc_statement: [eseal, web]\n",
    },
    {
        .name = "key_type", TEXT_OR_TEXTS, .is_valid = policy_key_type_is_valid,
        CONDITION(key_types), .otherwise = "any",
        .meaning = "The type of the key: rsa, ec, ed25519 or ed448.",
        .example = "key_type: [ec, ed25519]\n",
    },
    {
        .name = "key_bits_min", .type = SETTING_COUNT, .min = 1, .max = 16384,
        VALUE(key_bits_min), .otherwise = "any",
        .meaning = "The key has at least so many bits: of an RSA modulus, or of a curve.",
        .example = "key_type: rsa\nkey_bits_min: 3072\n",
    },
    {
        .name = "key_bits_max", .type = SETTING_COUNT, .min = 1, .max = 16384,
        VALUE(key_bits_max), .otherwise = "any",
        .meaning = "The key has at most so many bits.",
        .example = "key_type: rsa\nkey_bits_max: 2048\n",
    },
    {
        .name = "expires_after", .type = SETTING_DURATION, .min = SECONDS, .max = 10 * YEARS,
        VALUE(expires_after_ms), .otherwise = "any",
        .meaning = "The certificate is valid for longer than this from now.",
        .example = "expires_after: 24h\n",
    },
    {
        .name = "expires_within", .type = SETTING_DURATION, .min = SECONDS, .max = 10 * YEARS,
        VALUE(expires_within_ms), .otherwise = "any",
        .meaning = "The certificate is valid for less than this from now.",
        .example = "expires_within: 168h\n",
    },
    {
        .name = "source", TEXT_OR_TEXTS, .is_valid = policy_network_is_valid, CONDITION(sources),
        .otherwise = "any",
        .meaning = "The address of the client, or a network that it is in; behind "
                   "`trusted_proxies` it is the address that they name.",
        .example = "source: [10.0.0.0/8, \"2001:db8::/32\"]\n",
    },
    {
        .name = "methods", TEXT_OR_TEXTS, .is_valid = settings_method_is_valid,
        CONDITION(methods), .otherwise = "any",
        .meaning = "The method. Whoever denies GET denies HEAD too.",
        .example = "methods: [GET, HEAD]\n",
    },
    {
        .name = "paths", TEXT_OR_TEXTS, .is_valid = route_pattern_is_valid, CONDITION(paths),
        .otherwise = "any",
        .meaning = "The path, as in a route. A rule that allows matches to the letter, one that "
                   "denies generously.",
        .example = "paths: [/orders, /orders/*]\n",
    },
    {
        .name = "hosts", TEXT_OR_TEXTS, .is_valid = policy_host_is_valid, CONDITION(hosts),
        .otherwise = "any",
        .meaning = "The host that the request is for; `*.example.com` stands for every name that "
                   "ends so.",
        .example = "hosts: [api.example.com]\n",
    },
    {
        .name = "times", TEXT_OR_TEXTS, .is_valid = policy_time_is_valid, CONDITION(times),
        .otherwise = "any",
        .meaning = "Days and hours in UTC: `mon-fri 08:00-18:00`, `sat,sun`, `22:00-06:00`, which "
                   "ends on the next day.",
        .example = "times: \"mon-fri 06:00-20:00\"\n",
    },
};

const struct settings_mapping policy_condition_mapping = {
    .title = "policies.NAME[].allow",
    .meaning = "Conditions, which must all be met; of a list, one thing suffices. Without any, the "
               "rule would be everybody's, and is an error. What nobody has verified (mode "
               "`unverified`) matches `allow` only by what is bound to the key: fingerprints and "
               "keys.",
    .frame = FRAME_RULES
             "    - allow:\n"
             "        @\n",
    SETTINGS(policy_condition_settings),
    .size = sizeof(struct policy_condition_settings),
    POSITION(struct policy_condition_settings),
    .finish = settings_finish_policy_condition,
};

/* --- Rules ------------------------------------------------------------------------------------ */

static const struct setting policy_rule_settings[] = {
    {
        .name = "allow", .type = SETTING_MAPPING, .mapping = &policy_condition_mapping,
        FIELD(struct policy_rule_settings, allow), .otherwise = "`deny` is needed",
        .meaning = "Who may do what. A condition that cannot be decided denies.",
        .example = "allow: { san_uri: \"spiffe://example.org/orders/*\", methods: GET }\n",
    },
    {
        .name = "deny", .type = SETTING_MAPPING, .mapping = &policy_condition_mapping,
        FIELD(struct policy_rule_settings, deny), .otherwise = "`allow` is needed",
        .meaning = "Who may not do what. A condition that cannot be decided counts as met.",
        .example = "deny: { issuer: { O: Test } }\n",
    },
    {
        .name = "user", .type = SETTING_TEXT, .is_valid = policy_user_is_valid,
        FIELD(struct policy_rule_settings, user), .otherwise = "nobody says who it is",
        .meaning = "With `allow`: who the client is for the backend (identity header `user`) and "
                   "in the access log.",
        .example = "allow: { subject: { CN: alice } }\nuser: CONTOSO\\alice\n",
    },
};

const struct settings_mapping policy_rule_mapping = {
    .title = "policies.NAME[]",
    .meaning = "A rule: `allow` or `deny`. Rules are asked in order, and the first that matches "
               "decides; when none does, the request is denied.",
    .frame = FRAME_RULES
             "    -\n"
             "      @\n",
    SETTINGS(policy_rule_settings),
    .size = sizeof(struct policy_rule_settings),
    POSITION(struct policy_rule_settings),
    .finish = settings_finish_policy_rule,
};
