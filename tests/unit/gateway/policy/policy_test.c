/* SPDX-License-Identifier: Apache-2.0
 *
 * Every condition, met, not met and undecidable, in a rule that allows and in one that denies; and
 * what rules come to together.
 */
#include "gateway/policy/policy.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

#include "protocol/x509/certificate_facts.h"
#include "runtime/memory.h"
#include "unit/gateway/identity/identity_fixture.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- certificates ---------------------------------------------------------------------------- */

enum who { NOBODY, RICH, ODD, PLAIN, TWINS, WHO_COUNT };

static struct pki pki;
static struct judging_context *context;
static struct authentication_stores stores;
static struct fixture fixtures[WHO_COUNT];
static struct presented_certificate *presented[WHO_COUNT];
static char *anchor_file;

static const struct slice mapped_address =
    SLICE_STATIC("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x09\x08\x07");

static const struct fixture_name rich_names[] = {
    {FIXTURE_NAME_DNS, SLICE_STATIC("A.Example.com")},
    {FIXTURE_NAME_DNS, SLICE_STATIC("*.wild.example.net")},
    {FIXTURE_NAME_URI, SLICE_STATIC("SPIFFE://Example.org/ns/Orders/sa/web")},
    {FIXTURE_NAME_EMAIL, SLICE_STATIC("Alice@Mail.Example.com")},
    {FIXTURE_NAME_IP, SLICE_STATIC("\xc0\x00\x02\x07")},
    {FIXTURE_NAME_IP, {NULL, 16}}, /* mapped_address */
    {FIXTURE_NAME_UPN, SLICE_STATIC("Alice@CORP.example.com")},
};

/* Each type once as it ought not to be, beside one that would match. */
static const struct fixture_name odd_names[] = {
    {FIXTURE_NAME_DNS, SLICE_STATIC("a.example.com\0.evil.test")},
    {FIXTURE_NAME_DNS, SLICE_STATIC("a.example.com")},
    {FIXTURE_NAME_URI, SLICE_STATIC("spiffe://example.org/ns/orders/sa/..")},
    {FIXTURE_NAME_URI, SLICE_STATIC("spiffe://example.org/ns/orders/sa/web")},
    {FIXTURE_NAME_EMAIL, SLICE_STATIC("\"alice@example.com\"@evil.test")},
    {FIXTURE_NAME_EMAIL, SLICE_STATIC("alice@mail.example.com")},
    {FIXTURE_NAME_IP, SLICE_STATIC("\xc0\x00\x02")},
    {FIXTURE_NAME_IP, SLICE_STATIC("\xc0\x00\x02\x07")},
    {FIXTURE_NAME_UPN, SLICE_STATIC("alice@corp.example.com\0@evil.test")},
    {FIXTURE_NAME_UPN, SLICE_STATIC("alice@corp.example.com")},
};

/* 1.3.6.1.4.1.311.21.8.2, version 100 */
#define TEMPLATE  "\x30\x0f\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x15\x08\x02\x02\x01\x64"
#define SID_OTHER "\x30\x25\xa0\x23\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x19\x02\x01\xa0\x15\x04\x13"
/* compliance, and QcType with eseal */
#define QC                                                                                         \
    "\x30\x1f\x30\x08\x06\x06\x04\x00\x8e\x46\x01\x01\x30\x13\x06\x06\x04\x00\x8e\x46\x01\x06\x30" \
    "\x09\x06\x07\x04\x00\x8e\x46\x01\x06\x02"

static const struct fixture_extension rich_extensions[] = {
    {"1.3.6.1.4.1.311.21.7", false, SLICE_STATIC(TEMPLATE)},
    {"1.3.6.1.4.1.311.25.2", false, SLICE_STATIC(SID_OTHER "S-1-5-21-1-2-3-1104")},
    {"1.3.6.1.5.5.7.1.3", false, SLICE_STATIC(QC)},
};

static const struct fixture_extension odd_extensions[] = {
    {"1.3.6.1.4.1.311.21.7", false, SLICE_STATIC("\x30\x80\x00\x00")},
    {"1.3.6.1.4.1.311.25.2", false,
     SLICE_STATIC(SID_OTHER "S-1-5-21-1-2-3\0"
                            "1104")},
    {"1.3.6.1.5.5.7.1.3", false, SLICE_STATIC("\x30\x02\x05\x00")},
};

static X509_NAME *rich_subject(void)
{
    X509_NAME *name = X509_NAME_new();

    fixture_name_add(name, "C", V_ASN1_PRINTABLESTRING, SLICE("DE"));
    fixture_name_add(name, "O", V_ASN1_BMPSTRING, SLICE("\0C\0o\0n\0t\0o\0s\0o\0 \0 \0G\0m\0b\0H"));
    fixture_name_add(name, "OU", V_ASN1_UTF8STRING, SLICE("Sales"));
    fixture_name_add(name, "OU", V_ASN1_UTF8STRING, SLICE("Support"));
    fixture_name_add(name, "2.5.4.97", V_ASN1_UTF8STRING, SLICE("PSDDE-BAFIN-123456"));
    fixture_name_add(name, "CN", V_ASN1_PRINTABLESTRING, SLICE("Alice  A"));
    return name;
}

static X509_NAME *odd_subject(void)
{
    X509_NAME *name = X509_NAME_new();

    fixture_name_add(name, "O", V_ASN1_UTF8STRING, SLICE("Cont\xe2\x80\x8boso")); /* U+200B */
    fixture_name_add(name, "CN", V_ASN1_UTF8STRING, SLICE("alice\0.evil"));
    return name;
}

static X509_NAME *twin_subject(void)
{
    X509_NAME *name = X509_NAME_new();

    fixture_name_add(name, "O", V_ASN1_UTF8STRING, SLICE("Contoso"));
    fixture_name_add(name, "CN", V_ASN1_UTF8STRING, SLICE("alice"));
    fixture_name_add(name, "CN", V_ASN1_UTF8STRING, SLICE("mallory"));
    return name;
}

static struct fixture make_leaf(X509_NAME *name, struct fixture_spec spec)
{
    struct fixture made;

    spec.name = name;
    spec.basic_constraints = "critical,CA:FALSE";
    made = fixture_make(&spec, &pki.issuing);
    X509_NAME_free(name);
    return made;
}

static void make_fixtures(void)
{
    struct fixture_name names[sizeof(rich_names) / sizeof(rich_names[0])];

    memcpy(names, rich_names, sizeof(names));
    names[5].bytes = mapped_address;
    fixtures[RICH] =
        make_leaf(rich_subject(), (struct fixture_spec){
                                      .serial = "0A1B2C",
                                      .extended_key_usage = "clientAuth,emailProtection",
                                      .policies = "1.3.6.1.4.1.99999.1.2",
                                      .names = names,
                                      .name_count = sizeof(names) / sizeof(names[0]),
                                      .extensions = rich_extensions,
                                      .extension_count = 3,
                                  });
    fixtures[ODD] =
        make_leaf(odd_subject(), (struct fixture_spec){
                                     .extended_key_usage = "clientAuth",
                                     .names = odd_names,
                                     .name_count = sizeof(odd_names) / sizeof(odd_names[0]),
                                     .extensions = odd_extensions,
                                     .extension_count = 3,
                                 });
    fixtures[PLAIN] = fixture_leaf("plain", &pki.issuing);
    fixtures[TWINS] =
        make_leaf(twin_subject(), (struct fixture_spec){.extended_key_usage = "clientAuth"});
}

static struct judging_context *named_context(void)
{
    X509 *root = pki.root.certificate;
    struct fixture_bytes pem = fixture_pem(&root, 1);
    struct trust_anchor_source source = {.name = "contoso"};
    struct trust_profile_settings settings = {.anchors = &source, .anchor_count = 1, .depth = 4};
    struct error error = {.kind = ERROR_NONE};
    struct judging_context *made;

    anchor_file = fixture_file(fixture_bytes_slice(pem));
    source.path = anchor_file;
    made = judging_context_create(&settings, &error);
    if (made == NULL)
        fail_msg("%s", error.text);
    free(pem.data);
    return made;
}

static int set_up(void)
{
    pki_make(&pki);
    make_fixtures();
    context = named_context();
    for (int i = RICH; i <= TWINS; i++)
        presented[i] = present(fixtures[i].certificate, pki.issuing.certificate);
    stores.verdicts = verdict_store_create(&(struct verdict_store_settings){0});
    stores.identities = identity_table_create(1 << 20, 0);
    return 0;
}

static void tear_down(void)
{
    identity_table_destroy(stores.identities);
    verdict_store_destroy(stores.verdicts);
    for (int i = RICH; i <= TWINS; i++) {
        presented_certificate_release(presented[i]);
        fixture_free(&fixtures[i]);
    }
    judging_context_release(context);
    unlink(anchor_file);
    free(anchor_file);
    pki_free(&pki);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct asking {
    enum client_certificate_mode mode;
    struct presented_certificate *presented;
    const char *method;
    const char *path;
    const char *host;
    const char *source;
    int64_t now;
};

static struct policy *create(const struct policy_rule_settings *rules, size_t count)
{
    struct policy_settings settings = {.name = "p", .rules = rules, .rule_count = count};
    struct error error = {.kind = ERROR_NONE};
    struct policy *policy = policy_create(&settings, NULL, NULL, &error);

    if (policy == NULL)
        fail_msg("%s", error.text);
    return policy;
}

static struct policy_decision ask(const struct policy *policy, const struct asking *asking)
{
    struct authentication_demand demand = {
        .mode = asking->mode,
        .context = asking->mode <= CLIENT_CERTIFICATE_OPTIONAL ? context : NULL,
    };
    struct http_request http = {
        .method = slice_from_text(asking->method == NULL ? "GET" : asking->method),
        .path = slice_from_text(asking->path == NULL ? "/orders/7" : asking->path),
        .host = slice_from_text(asking->host == NULL ? "api.example.com" : asking->host),
    };
    int64_t now = asking->now == 0 ? FIXTURE_NOW : asking->now;
    struct authentication authentication =
        authentication_check(&demand, asking->presented, &stores, FIXTURE_NOW);
    struct policy_request request = {
        .demand = &demand,
        .authentication = &authentication,
        .presented = asking->presented,
        .http = &http,
        .now = now,
    };
    struct policy_decision decision;

    assert_string_equal(reason_name(authentication.reason), reason_name(REASON_NONE));
    if (asking->source == NULL || asking->source[0] != '\0')
        assert_true(
            ip_address_parse(slice_from_text(asking->source == NULL ? "192.0.2.1" : asking->source),
                             &request.source));
    decision = policy_decide(policy, &request);
    /* A second time, from what was kept with the identity. */
    assert_int_equal(policy_decide(policy, &request).reason, decision.reason);
    assert_int_equal(decision.effect == POLICY_ALLOW, decision.reason == REASON_NONE);
    authentication_reset(&authentication);
    return decision;
}

static enum reason reason_for(const struct policy_rule_settings *rules, size_t count,
                              const struct asking *asking)
{
    struct policy *policy = create(rules, count);
    enum reason reason = ask(policy, asking).reason;

    policy_destroy(policy);
    return reason;
}

static enum reason allow_only(const struct policy_condition_settings *condition,
                              const struct asking *asking)
{
    struct policy_rule_settings rule = {.allow = *condition};

    rule.allow.is_set = true;
    return reason_for(&rule, 1, asking);
}

static enum reason all_but(const struct policy_condition_settings *condition,
                           const struct asking *asking)
{
    struct policy_rule_settings rules[] = {{.deny = *condition},
                                           {.allow = {.is_set = true, .everybody = true}}};

    rules[0].deny.is_set = true;
    return reason_for(rules, 2, asking);
}

/* ---- one condition at a time ----------------------------------------------------------------- */

enum outcome { NO, UNDECIDABLE, MATCH };

struct row {
    enum who who;
    enum outcome allow;
    enum outcome deny;
    struct policy_condition_settings condition;
};

static const struct policy_name_settings contoso = {
    .attributes = {[1] = LIST("contoso gmbh"), [2] = LIST("sales"), [14] = LIST("psdde-*")}};
static const struct policy_name_settings cn_alice = {.attributes = {[0] = LIST("alice")}};
static const struct policy_name_settings o_contoso = {.attributes = {[1] = LIST("Contoso")}};
static const struct policy_name_settings o_other = {.attributes = {[1] = LIST("Fabrikam", "X*")}};
static const struct policy_name_settings whole = {
    .whole = "CN=ALICE A,organizationIdentifier=psdde-bafin-123456,OU=Support,OU=Sales,"
             "O=contoso gmbh,C=de"};
static const struct policy_name_settings swapped = {
    .whole = "CN=ALICE A,organizationIdentifier=psdde-bafin-123456,OU=Sales,OU=Support,"
             "O=contoso gmbh,C=de"};
static const struct policy_name_settings by_number = {.others =
                                                          LIST("2.5.4.97=PSDDE-BAFIN-123456")};
static const struct policy_name_settings issuing = {.whole = "CN=issuing"};

/* clang-format off */
static const struct row rows[] = {
    /* subject and issuer */
    {RICH,  MATCH,       MATCH,       {.subjects = &contoso, .subject_count = 1}},
    {RICH,  MATCH,       MATCH,       {.subjects = &whole, .subject_count = 1}},
    {RICH,  NO,          NO,          {.subjects = &swapped, .subject_count = 1}},
    {RICH,  MATCH,       MATCH,       {.subjects = &by_number, .subject_count = 1}},
    {RICH,  NO,          NO,          {.subjects = &o_other, .subject_count = 1}},
    {RICH,  NO,          NO,          {.subjects = &o_contoso, .subject_count = 1}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.subjects = &cn_alice, .subject_count = 1}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.subjects = &o_contoso, .subject_count = 1}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.subjects = &whole, .subject_count = 1}},
    {TWINS, UNDECIDABLE, UNDECIDABLE, {.subjects = &cn_alice, .subject_count = 1}},
    {TWINS, MATCH,       MATCH,       {.subjects = &o_contoso, .subject_count = 1}},
    {PLAIN, NO,          NO,          {.subjects = &cn_alice, .subject_count = 1}},
    {NOBODY, NO,         NO,          {.subjects = &cn_alice, .subject_count = 1}},
    {PLAIN, MATCH,       MATCH,       {.issuers = &issuing, .issuer_count = 1}},
    {PLAIN, NO,          NO,          {.issuers = &whole, .issuer_count = 1}},
    /* DNS */
    {RICH,  MATCH,       MATCH,       {.san_dns = LIST("a.example.COM")}},
    {RICH,  MATCH,       MATCH,       {.san_dns = LIST("x.test", "*.example.com")}},
    {RICH,  MATCH,       MATCH,       {.san_dns = LIST("**.com")}},
    {RICH,  NO,          NO,          {.san_dns = LIST("*.com")}},
    {RICH,  NO,          NO,          {.san_dns = LIST("example.com")}},
    {RICH,  NO,          NO,          {.san_dns = LIST("mail.example.com")}},
    {RICH,  NO,          MATCH,       {.san_dns = LIST("*.wild.example.net")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_dns = LIST("a.example.com")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_dns = LIST("b.example.com")}},
    {PLAIN, NO,          NO,          {.san_dns = LIST("a.example.com")}},
    {NOBODY, NO,         NO,          {.san_dns = LIST("a.example.com")}},
    /* URI */
    {RICH,  MATCH,       MATCH,       {.san_uri = LIST("spiffe://EXAMPLE.org/ns/Orders/sa/web")}},
    {RICH,  MATCH,       MATCH,       {.san_uri = LIST("spiffe://example.org/ns/*/sa/w*")}},
    {RICH,  MATCH,       MATCH,       {.san_uri = LIST("spiffe://example.org/ns/**")}},
    {RICH,  NO,          NO,          {.san_uri = LIST("spiffe://example.org/ns/*")}},
    {RICH,  NO,          NO,          {.san_uri = LIST("spiffe://example.org/ns/Orders/sa/web/*")}},
    {RICH,  NO,          MATCH,       {.san_uri = LIST("spiffe://example.org/ns/orders/sa/web")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_uri = LIST("spiffe://example.org/ns/orders/sa/*")}},
    {PLAIN, NO,          NO,          {.san_uri = LIST("spiffe://example.org/**")}},
    /* e-mail */
    {RICH,  MATCH,       MATCH,       {.san_email = LIST("Alice@mail.EXAMPLE.com")}},
    {RICH,  MATCH,       MATCH,       {.san_email = LIST("*@mail.example.com")}},
    {RICH,  MATCH,       MATCH,       {.san_email = LIST("*@*.example.com")}},
    {RICH,  NO,          MATCH,       {.san_email = LIST("alice@mail.example.com")}},
    {RICH,  NO,          NO,          {.san_email = LIST("*@example.com")}},
    {RICH,  NO,          NO,          {.san_email = LIST("*@corp.example.com")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_email = LIST("alice@mail.example.com")}},
    /* IP */
    {RICH,  MATCH,       MATCH,       {.san_ip = LIST("192.0.2.7")}},
    {RICH,  MATCH,       MATCH,       {.san_ip = LIST("10.9.0.0/16")}},
    {RICH,  NO,          NO,          {.san_ip = LIST("::/0", "192.0.2.8")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_ip = LIST("192.0.2.7")}},
    {PLAIN, NO,          NO,          {.san_ip = LIST("0.0.0.0/0")}},
    /* UPN */
    {RICH,  MATCH,       MATCH,       {.san_upn = LIST("alice@corp.example.com")}},
    {RICH,  MATCH,       MATCH,       {.san_upn = LIST("*@CORP.example.com")}},
    {RICH,  NO,          NO,          {.san_upn = LIST("*@mail.example.com")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_upn = LIST("alice@corp.example.com")}},
    /* SID */
    {RICH,  MATCH,       MATCH,       {.sid = LIST("S-1-5-21-1-2-3-1104")}},
    {RICH,  MATCH,       MATCH,       {.sid = LIST("S-1-5-21-1-2-3-*")}},
    {RICH,  NO,          NO,          {.sid = LIST("S-1-5-21-1-2-*")}},
    {RICH,  NO,          NO,          {.sid = LIST("S-1-5-21-1-2-3-110")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.sid = LIST("S-1-5-21-1-2-3-1104")}},
    {PLAIN, NO,          NO,          {.sid = LIST("S-1-5-21-1-2-3-1104")}},
    /* anchor, purposes, policies */
    {PLAIN, MATCH,       MATCH,       {.anchors = LIST("fabrikam", "contoso")}},
    {PLAIN, NO,          NO,          {.anchors = LIST("fabrikam")}},
    {NOBODY, NO,         NO,          {.anchors = LIST("contoso")}},
    {RICH,  MATCH,       MATCH,       {.ekus = LIST("1.3.6.1.5.5.7.3.4")}},
    {PLAIN, NO,          NO,          {.ekus = LIST("emailProtection")}},
    {RICH,  MATCH,       MATCH,       {.policies = LIST("1.3.6.1.4.1.99999.1.2")}},
    {RICH,  NO,          NO,          {.policies = LIST("1.3.6.1.4.1.99999.1")}},
    {RICH,  MATCH,       MATCH,       {.templates = LIST("1.3.6.1.4.1.311.21.8.2")}},
    {RICH,  NO,          NO,          {.templates = LIST("1.3.6.1.4.1.311.21.8.3")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.templates = LIST("1.3.6.1.4.1.311.21.8.2")}},
    {PLAIN, NO,          NO,          {.templates = LIST("1.3.6.1.4.1.311.21.8.2")}},
    {RICH,  MATCH,       MATCH,       {.qc_statements = LIST("compliance")}},
    {RICH,  MATCH,       MATCH,       {.qc_statements = LIST("eseal")}},
    {RICH,  NO,          NO,          {.qc_statements = LIST("web", "sscd")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.qc_statements = LIST("compliance")}},
    /* key and validity */
    {PLAIN, MATCH,       MATCH,       {.key_types = LIST("rsa", "ec")}},
    {PLAIN, NO,          NO,          {.key_types = LIST("rsa", "ed25519")}},
    {PLAIN, MATCH,       MATCH,       {.key_bits_min = 256, .key_bits_max = 256}},
    {PLAIN, NO,          NO,          {.key_bits_min = 257}},
    {PLAIN, NO,          NO,          {.key_bits_max = 255}},
    {PLAIN, MATCH,       MATCH,       {.expires_after_ms = UINT64_C(364) * 86400000}},
    {PLAIN, NO,          NO,          {.expires_after_ms = UINT64_C(365) * 86400000}},
    {PLAIN, MATCH,       MATCH,       {.expires_within_ms = UINT64_C(366) * 86400000}},
    {PLAIN, NO,          NO,          {.expires_within_ms = UINT64_C(365) * 86400000}},
    {NOBODY, NO,         NO,          {.expires_within_ms = UINT64_C(366) * 86400000}},
    /* the request */
    {PLAIN, MATCH,       MATCH,       {.sources = LIST("10.0.0.0/8", "192.0.2.0/24")}},
    {PLAIN, NO,          NO,          {.sources = LIST("10.0.0.0/8", "::/0")}},
    {PLAIN, MATCH,       MATCH,       {.methods = LIST("POST", "GET")}},
    {PLAIN, NO,          NO,          {.methods = LIST("POST")}},
    {PLAIN, MATCH,       MATCH,       {.paths = LIST("/orders/*")}},
    {PLAIN, NO,          NO,          {.paths = LIST("/orders")}},
    {PLAIN, NO,          MATCH,       {.paths = LIST("/ORDERS/7")}},
    {PLAIN, MATCH,       MATCH,       {.hosts = LIST("*.example.com")}},
    {PLAIN, MATCH,       MATCH,       {.hosts = LIST("API.example.com")}},
    {PLAIN, NO,          NO,          {.hosts = LIST("example.com", "*.api.example.com")}},
    /* FIXTURE_NOW is Monday, 14:13:20 */
    {PLAIN, MATCH,       MATCH,       {.times = LIST("mon-fri 08:00-18:00")}},
    {PLAIN, NO,          NO,          {.times = LIST("tue-sun", "00:00-14:00")}},
    {NOBODY, MATCH,      MATCH,       {.methods = LIST("GET")}},
    /* all of it, and not all of it */
    {RICH,  MATCH,       MATCH,       {.san_dns = LIST("a.example.com"), .methods = LIST("GET"),
                                       .anchors = LIST("contoso"), .key_types = LIST("ec")}},
    {RICH,  NO,          NO,          {.san_dns = LIST("a.example.com"), .methods = LIST("PUT"),
                                       .anchors = LIST("contoso"), .key_types = LIST("ec")}},
    {ODD,   NO,          NO,          {.san_dns = LIST("a.example.com"), .methods = LIST("PUT")}},
    {ODD,   UNDECIDABLE, UNDECIDABLE, {.san_dns = LIST("a.example.com"), .methods = LIST("GET")}},
};
/* clang-format on */

static enum reason when_allowing(enum outcome outcome)
{
    static const enum reason reasons[] = {REASON_POLICY_NO_MATCH, REASON_POLICY_UNDECIDABLE,
                                          REASON_NONE};

    return reasons[outcome];
}

static enum reason when_denying(enum outcome outcome)
{
    static const enum reason reasons[] = {REASON_NONE, REASON_POLICY_UNDECIDABLE,
                                          REASON_POLICY_DENIED};

    return reasons[outcome];
}

static void assert_reason(size_t row, const char *effect, enum reason actual, enum reason expected)
{
    if (actual != expected)
        fail_msg("row %zu, %s: %s instead of %s", row, effect, reason_name(actual),
                 reason_name(expected));
}

TEST(each_condition_is_met_not_met_or_undecidable)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct asking asking = {.mode = CLIENT_CERTIFICATE_OPTIONAL,
                                .presented = presented[rows[i].who]};

        assert_reason(i, "allow", allow_only(&rows[i].condition, &asking),
                      when_allowing(rows[i].allow));
        assert_reason(i, "deny", all_but(&rows[i].condition, &asking), when_denying(rows[i].deny));
    }
}

TEST(a_source_that_nobody_knows_is_undecidable)
{
    struct policy_condition_settings condition = {.sources = LIST("0.0.0.0/0")};
    struct asking asking = {.presented = presented[PLAIN], .source = ""};

    assert_int_equal(allow_only(&condition, &asking), REASON_POLICY_UNDECIDABLE);
    assert_int_equal(all_but(&condition, &asking), REASON_POLICY_UNDECIDABLE);
}

TEST(who_denies_get_denies_head)
{
    struct policy_condition_settings condition = {.methods = LIST("GET")};
    struct asking asking = {.presented = presented[PLAIN], .method = "HEAD"};

    assert_int_equal(allow_only(&condition, &asking), REASON_POLICY_NO_MATCH);
    assert_int_equal(all_but(&condition, &asking), REASON_POLICY_DENIED);
}

/* ---- fingerprints and keys ------------------------------------------------------------------- */

static char *hex_of(struct slice octets)
{
    char *text = memory_allocate(2 * octets.size + 1);

    for (size_t i = 0; i < octets.size; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned char)octets.data[i]);
    return text;
}

static char *text_of(struct slice text)
{
    return memory_copy_slice(text);
}

static const struct certificate_description *describe(enum who who)
{
    return presented_certificate_describe(presented[who]);
}

TEST(fingerprints_and_keys_are_matched_verified_or_not)
{
    static const enum client_certificate_mode modes[] = {CLIENT_CERTIFICATE_REQUIRED,
                                                         CLIENT_CERTIFICATE_UNVERIFIED};
    char *sha256 = text_of(describe(RICH)->sha256);
    char *sha1 = text_of(describe(RICH)->sha1);
    char *key = text_of(describe(RICH)->key_sha256);
    struct policy_condition_settings conditions[] = {
        {.fingerprints_sha256 = LIST(sha256)},
        {.fingerprints_sha1 = LIST(sha1)},
        {.keys_sha256 = LIST(key)},
        {.keys_sha256 = LIST(key), .fingerprints_sha256 = LIST(sha256)},
    };

    for (size_t m = 0; m < 2; m++) {
        struct asking rich = {.mode = modes[m], .presented = presented[RICH]};
        struct asking plain = {.mode = modes[m], .presented = presented[PLAIN]};

        for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
            assert_int_equal(allow_only(&conditions[i], &rich), REASON_NONE);
            assert_int_equal(all_but(&conditions[i], &rich), REASON_POLICY_DENIED);
            assert_int_equal(allow_only(&conditions[i], &plain), REASON_POLICY_NO_MATCH);
            assert_int_equal(all_but(&conditions[i], &plain), REASON_NONE);
        }
    }
    memory_release(sha256);
    memory_release(sha1);
    memory_release(key);
}

static char *digest_of(const unsigned char *der, int size)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    assert_true(size > 0);
    SHA256(der, (size_t)size, digest);
    return hex_of(slice_from(digest, sizeof(digest)));
}

/* As `openssl pkey -pubin -ec_conv_form compressed` writes it. */
static EVP_PKEY *compressed_key(const X509 *certificate)
{
    EVP_PKEY *key = EVP_PKEY_dup(X509_get0_pubkey(certificate));

    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                    "compressed"),
                     1);
    return key;
}

static void assert_denied_by_key(struct presented_certificate *who, char *key)
{
    struct policy_condition_settings condition = {.keys_sha256 = LIST(key)};
    struct asking asking = {.mode = CLIENT_CERTIFICATE_UNVERIFIED, .presented = who};

    assert_int_equal(all_but(&condition, &asking), REASON_POLICY_DENIED);
    memory_release(key);
}

/* Whose key is denied may ask for a certificate in which it is written differently. */
TEST(a_key_is_the_same_however_it_is_written)
{
    X509 *point = presented_certificate_leaf(presented[PLAIN]);
    EVP_PKEY *key = compressed_key(point);
    X509 *compressed = X509_dup(point);
    struct presented_certificate *shown;
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key, &der);

    assert_int_equal(size, 59);
    assert_denied_by_key(presented[PLAIN], digest_of(der, size));
    OPENSSL_free(der);

    assert_int_equal(X509_set_pubkey(compressed, key), 1);
    shown = present(compressed, pki.issuing.certificate);
    assert_false(slice_equals(presented_certificate_describe(shown)->key_sha256,
                              describe(PLAIN)->key_sha256));
    assert_denied_by_key(shown, text_of(describe(PLAIN)->key_sha256));
    presented_certificate_release(shown);
    X509_free(compressed);
    EVP_PKEY_free(key);
}

TEST(an_rsa_key_is_the_same_with_and_without_null)
{
    struct fixture rsa = fixture_make(
        &(struct fixture_spec){.common_name = "rsa", .key_kind = FIXTURE_KEY_RSA2048}, NULL);
    struct presented_certificate *shown = present(rsa.certificate, pki.issuing.certificate);
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(X509_get0_pubkey(rsa.certificate), &der);

    /* SEQUENCE { SEQUENCE { OBJECT IDENTIFIER, NULL }, BIT STRING }: without the NULL. */
    assert_memory_equal(der + 17, "\x05\x00", 2);
    memmove(der + 17, der + 19, (size_t)size - 19);
    der[3] = (unsigned char)(der[3] - 2);
    der[5] = (unsigned char)(der[5] - 2);
    assert_denied_by_key(shown, digest_of(der, size - 2));
    OPENSSL_free(der);
    presented_certificate_release(shown);
    fixture_free(&rsa);
}

/* With mode none a certificate plays no part, whatever was presented. */
TEST(a_certificate_that_plays_no_part_matches_nothing)
{
    char *sha256 = text_of(describe(RICH)->sha256);
    struct policy_condition_settings condition = {.fingerprints_sha256 = LIST(sha256)};
    struct asking asking = {.mode = CLIENT_CERTIFICATE_NONE, .presented = presented[RICH]};

    assert_int_equal(allow_only(&condition, &asking), REASON_POLICY_NO_MATCH);
    memory_release(sha256);
}

/* Names that nobody has verified are the client's own words. */
TEST(the_unverified_is_allowed_by_what_is_bound_to_its_key_alone)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct asking asking = {.mode = CLIENT_CERTIFICATE_UNVERIFIED,
                                .presented = presented[rows[i].who]};
        const struct policy_condition_settings *condition = &rows[i].condition;
        bool asks_certificate = condition->sources == NULL && condition->paths == NULL &&
                                condition->hosts == NULL && condition->times == NULL &&
                                (condition->methods == NULL || condition->san_dns != NULL);

        if (!asks_certificate)
            continue;
        assert_reason(i, "allow", allow_only(condition, &asking), REASON_POLICY_NO_MATCH);
        /* Against its owner it is believed; and who its issuer is nobody knows. */
        if (condition->anchors == NULL)
            assert_reason(i, "deny", all_but(condition, &asking), when_denying(rows[i].deny));
        else if (rows[i].who != NOBODY)
            assert_true(all_but(condition, &asking) != REASON_NONE || condition->methods != NULL);
    }
}

/* ---- serial numbers -------------------------------------------------------------------------- */

static char *issuer_key(const X509 *issuer)
{
    unsigned char digest[CERTIFICATE_DIGEST_BYTES];

    assert_true(certificate_key_digest(issuer, digest));
    return hex_of(slice_from(digest, sizeof(digest)));
}

TEST(a_serial_number_belongs_to_the_key_of_its_issuer)
{
    char *key = issuer_key(pki.issuing.certificate);
    char *other = issuer_key(pki.root.certificate);
    struct policy_serial_settings good = {.issuer_key = key, .serials = LIST("ff", "00:0a:1b:2c")};
    struct policy_serial_settings of_other = {.issuer_key = other, .serials = LIST("0A1B2C")};
    struct policy_serial_settings another = {.issuer_key = key, .serials = LIST("0A1B2D")};
    struct policy_condition_settings condition = {.serial_count = 1};
    struct asking asking = {.presented = presented[RICH]};

    condition.serials = &good;
    assert_int_equal(all_but(&condition, &asking), REASON_POLICY_DENIED);
    assert_int_equal(allow_only(&condition, &asking), REASON_NONE);
    condition.serials = &of_other;
    assert_int_equal(all_but(&condition, &asking), REASON_NONE);
    condition.serials = &another;
    assert_int_equal(all_but(&condition, &asking), REASON_NONE);

    /* Unverified, nobody knows whose it is. */
    asking.mode = CLIENT_CERTIFICATE_UNVERIFIED;
    condition.serials = &of_other;
    assert_int_equal(all_but(&condition, &asking), REASON_POLICY_UNDECIDABLE);
    assert_int_equal(allow_only(&condition, &asking), REASON_POLICY_NO_MATCH);
    condition.serials = &another;
    assert_int_equal(all_but(&condition, &asking), REASON_NONE);
    memory_release(key);
    memory_release(other);
}

/* (r, s) -> (r, n - s): what the holder of an ECDSA certificate can do without the issuer. */
static X509 *encode_anew(const X509 *certificate)
{
    const ASN1_BIT_STRING *signature = NULL;
    X509 *copy = X509_dup(certificate);
    const unsigned char *der;
    unsigned char *again = NULL;
    ECDSA_SIG *parsed;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *s = BN_new();
    int size;

    X509_get0_signature(&signature, NULL, copy);
    der = ASN1_STRING_get0_data(signature);
    parsed = d2i_ECDSA_SIG(NULL, &der, ASN1_STRING_length(signature));
    assert_non_null(parsed);
    assert_int_equal(BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(parsed)), 1);
    assert_int_equal(ECDSA_SIG_set0(parsed, BN_dup(ECDSA_SIG_get0_r(parsed)), s), 1);
    size = i2d_ECDSA_SIG(parsed, &again);
    assert_true(size > 0);
    /* The signature of the copy is ours to write to. */
    assert_int_equal(ASN1_STRING_set((ASN1_STRING *)(uintptr_t)signature, again, size), 1);
    OPENSSL_free(again);
    ECDSA_SIG_free(parsed);
    EC_GROUP_free(group);
    return copy;
}

TEST(who_encodes_a_signature_anew_evades_a_fingerprint_and_not_a_serial_number)
{
    X509 *anew = encode_anew(fixtures[RICH].certificate);
    struct fixture_bytes der = fixture_der(anew);
    X509 *parsed = fixture_parse(fixture_bytes_slice(der));
    struct presented_certificate *evading = present(parsed, pki.issuing.certificate);
    struct asking asking = {.presented = evading};
    char *sha256 = text_of(describe(RICH)->sha256);
    char *spki = text_of(describe(RICH)->key_sha256);
    char *key = issuer_key(pki.issuing.certificate);
    struct policy_serial_settings serial = {.issuer_key = key, .serials = LIST("0A1B2C")};

    /* It is another certificate, and it verifies. */
    assert_int_equal(X509_verify(parsed, pki.issuing.key), 1);
    assert_int_equal(
        all_but(&(struct policy_condition_settings){.fingerprints_sha256 = LIST(sha256)}, &asking),
        REASON_NONE);

    assert_int_equal(
        all_but(&(struct policy_condition_settings){.serials = &serial, .serial_count = 1},
                &asking),
        REASON_POLICY_DENIED);
    assert_int_equal(
        all_but(&(struct policy_condition_settings){.keys_sha256 = LIST(spki)}, &asking),
        REASON_POLICY_DENIED);

    memory_release(key);
    memory_release(spki);
    memory_release(sha256);
    presented_certificate_release(evading);
    X509_free(parsed);
    free(der.data);
    X509_free(anew);
}

/* ---- rules together -------------------------------------------------------------------------- */

TEST(the_first_rule_that_matches_decides)
{
    struct policy_rule_settings rules[] = {
        {.allow = {.is_set = true, .methods = LIST("GET"), .san_dns = LIST("a.example.com")},
         .user = "reader"},
        {.deny = {.is_set = true, .san_dns = LIST("*.example.com")},
         .position = {"policy.yaml", 7, 5}},
        {.allow = {.is_set = true, .everybody = true}, .user = "anybody"},
    };
    struct policy *policy = create(rules, 3);
    struct asking asking = {.presented = presented[RICH]};
    struct policy_decision decision = ask(policy, &asking);

    assert_int_equal(decision.effect, POLICY_ALLOW);
    assert_int_equal(policy_rule_number(decision.rule), 1);
    assert_string_equal(policy_rule_user(decision.rule), "reader");

    asking.method = "POST";
    decision = ask(policy, &asking);
    assert_int_equal(decision.effect, POLICY_DENY);
    assert_int_equal(decision.reason, REASON_POLICY_DENIED);
    assert_int_equal(policy_rule_number(decision.rule), 2);
    assert_string_equal(policy_rule_place(decision.rule), "policy.yaml:7:5");
    assert_null(policy_rule_user(decision.rule));

    asking.presented = presented[PLAIN];
    decision = ask(policy, &asking);
    assert_int_equal(decision.effect, POLICY_ALLOW);
    assert_string_equal(policy_rule_user(decision.rule), "anybody");
    policy_destroy(policy);
}

TEST(when_no_rule_matches_the_request_is_denied)
{
    struct policy_rule_settings rule = {.allow = {.is_set = true, .san_dns = LIST("b.test")}};
    struct policy *policy = create(&rule, 1);
    struct policy_decision decision = ask(policy, &(struct asking){.presented = presented[RICH]});

    assert_int_equal(decision.effect, POLICY_DENY);
    assert_int_equal(decision.reason, REASON_POLICY_NO_MATCH);
    assert_null(decision.rule);
    policy_destroy(policy);
}

/* A rule that would have said less is not passed over for one that says more. */
TEST(an_undecidable_rule_is_not_passed_over)
{
    struct policy_rule_settings rules[] = {
        {.allow = {.is_set = true, .san_upn = LIST("guest@corp.example.com")}, .user = "guest"},
        {.allow = {.is_set = true, .everybody = true}, .user = "admin"},
    };

    assert_int_equal(reason_for(rules, 2, &(struct asking){.presented = presented[ODD]}),
                     REASON_POLICY_UNDECIDABLE);
    assert_int_equal(reason_for(rules, 2, &(struct asking){.presented = presented[RICH]}),
                     REASON_NONE);
}

TEST(cleared_memory_denies)
{
    struct policy_decision decision;

    memset(&decision, 0, sizeof(decision));
    assert_int_equal(decision.effect, POLICY_DENY);
}

/* More rules in question than a note has room for. */
TEST(a_thousand_rules_are_asked_in_order)
{
    struct policy_rule_settings *rules = memory_allocate_array(POLICY_RULES_MAX, sizeof(*rules));
    struct asking asking = {.presented = presented[PLAIN], .path = "/last"};
    const char *const *elsewhere = LIST("/x");
    struct policy *policy;

    for (size_t i = 0; i < POLICY_RULES_MAX; i++)
        rules[i].allow = (struct policy_condition_settings){.is_set = true, .paths = elsewhere};
    rules[POLICY_RULES_MAX - 1].allow.paths = LIST("/last");
    policy = create(rules, POLICY_RULES_MAX);
    assert_int_equal(policy_rule_number(ask(policy, &asking).rule), POLICY_RULES_MAX);
    policy_destroy(policy);
    memory_release(rules);
}

/* ---- what cannot be built -------------------------------------------------------------------- */

static void assert_refused(const struct policy_rule_settings *rules, size_t count,
                           const char *because)
{
    struct policy_settings settings = {.name = "p", .rules = rules, .rule_count = count};
    struct error error = {.kind = ERROR_NONE};

    assert_null(policy_create(&settings, NULL, NULL, &error));
    if (strstr(error.text, because) == NULL)
        fail_msg("'%s' has no '%s'", error.text, because);
}

TEST(what_would_match_everybody_by_mistake_is_refused)
{
    static const struct policy_name_settings nothing = {.whole = NULL};
    struct policy_rule_settings rule = {.allow = {.is_set = true}};

    assert_refused(&rule, 0, "rules");
    assert_refused(&rule, 1, "everybody");
    rule.allow.everybody = true;
    rule.allow.methods = LIST("GET");
    assert_refused(&rule, 1, "stands alone");
    rule.allow = (struct policy_condition_settings){
        .is_set = true, .subjects = &nothing, .subject_count = 1, .position = {"a.yaml", 3, 9}};
    assert_refused(&rule, 1, "a.yaml:3:9: a name without attributes");
    rule.allow.subject_count = 0;
    rule.allow.fingerprints_file.path = "/nonexistent/list";
    assert_refused(&rule, 1, "/nonexistent/list");
    rule.allow.is_set = false;
    assert_refused(&rule, 1, "'allow' or 'deny'");
}

int main(void)
{
    int failed;

    set_up();
    failed = RUN_TESTS(
        cmocka_unit_test(each_condition_is_met_not_met_or_undecidable),
        cmocka_unit_test(a_source_that_nobody_knows_is_undecidable),
        cmocka_unit_test(who_denies_get_denies_head),
        cmocka_unit_test(a_key_is_the_same_however_it_is_written),
        cmocka_unit_test(an_rsa_key_is_the_same_with_and_without_null),
        cmocka_unit_test(fingerprints_and_keys_are_matched_verified_or_not),
        cmocka_unit_test(a_certificate_that_plays_no_part_matches_nothing),
        cmocka_unit_test(the_unverified_is_allowed_by_what_is_bound_to_its_key_alone),
        cmocka_unit_test(a_serial_number_belongs_to_the_key_of_its_issuer),
        cmocka_unit_test(who_encodes_a_signature_anew_evades_a_fingerprint_and_not_a_serial_number),
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(when_no_rule_matches_the_request_is_denied),
        cmocka_unit_test(an_undecidable_rule_is_not_passed_over),
        cmocka_unit_test(cleared_memory_denies),
        cmocka_unit_test(a_thousand_rules_are_asked_in_order),
        cmocka_unit_test(what_would_match_everybody_by_mistake_is_refused));
    tear_down();
    return failed;
}
