/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose name is it? The fixed lists of names that a client can have no honest reason to send. Each
 * is a name under which some proxy or server hands an identity to an application, and which an
 * application may therefore believe: it makes no difference that this gateway writes few of them.
 *
 * Sources: RFC 9440 (Client-Cert); Azure App Service and IIS Application Request Routing (X-ARR-*,
 * X-MS-CLIENT-PRINCIPAL*); Azure Application Gateway (X-AppGW-*, X-Client-Certificate*); Apache
 * mod_ssl, nginx, ingress-nginx, Tomcat's SSLValve and Keycloak (SSL_CLIENT_*, ssl-client-*,
 * X-SSL-*); HAProxy's and F5's documentation (X-SSL*, SSLClientCert*, X-Client-*); Envoy
 * (X-Forwarded-Client-Cert); Traefik (X-Forwarded-Tls-Client-Cert, -Info); AWS ALB
 * (X-Amzn-Mtls-Clientcert*); Cloudflare (Cf-Client-Cert-*, Cf-Cert-*); Google Cloud's
 * documentation (X-Client-Cert-*); Kong (X-Consumer-*, X-Credential-Identifier); WebLogic
 * (WL-Proxy-*); WebSphere ($WS..); Kubernetes' request-header authentication (X-Remote-User,
 * -Group, -Extra-*); Grafana (X-WebAuth-User); Authelia, Caddy and CGI (Remote-User and its like).
 */
#include "gateway/rewrite/rewrite_internal.h"

/* clang-format off */
static const char *const identity_names[] = {
    "Client-Cert", "Client-Cert-Chain",
    "X-ARR-ClientCert", "X-ARR-SSL", "X-ARR-LOG-ID",
    "X-MS-CLIENT-PRINCIPAL", "X-MS-CLIENT-PRINCIPAL-ID", "X-MS-CLIENT-PRINCIPAL-IDP",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-AppGW-Trace-Id",
    "X-Client-Cert-Verification", "X-Client-Cert", "X-Client-Cert-Chain", "X-Client-Cert-Subject",
    "X-Client-Cert-Issuer", "X-Client-Cert-Serial", "X-Client-Cert-Sha256", "X-Client-Cert-Sha1",
    "X-Client-Cert-Principal", "X-Client-Cert-Present", "X-Client-Cert-Chain-Verified",
    "X-Client-Cert-Dn", "X-Client-Cert-San", "X-ClientCert",
    "X-Client-Certificate", "X-Client-Certificate-Subject", "X-Client-Certificate-Issuer",
    "X-Client-Certificate-Serial", "X-Client-Certificate-Fingerprint",
    "X-Client-Certificate-Verification",
    "X-Client-Subject", "X-Client-Subject-DN", "X-Client-Issuer", "X-Client-Issuer-DN",
    "X-Client-Serial", "X-Client-Fingerprint", "X-Client-DN", "X-Client-S-DN", "X-Client-I-DN",
    "X-Client-CN", "X-Client-SAN", "X-Client-Principal", "X-Client-Verify", "X-Client-Verified",
    "SSL_CLIENT_VERIFY", "SSL_CLIENT_CERT", "SSL_CLIENT_CERT_CHAIN", "SSL_CLIENT_S_DN",
    "SSL_CLIENT_I_DN", "SSL_CLIENT_M_SERIAL", "SSL_CLIENT_FINGERPRINT", "SSL_CLIENT_SUBJECT_DN",
    "SSL_CLIENT_ISSUER_DN",
    "X-SSL", "X-SSL-Client-Cert", "X-SSL-Client-Verify", "X-SSL-Client-DN", "X-SSL-Client-CN",
    "X-SSL-Client-S-DN", "X-SSL-Client-I-DN", "X-SSL-Client-Serial", "X-SSL-Client-SHA1",
    "X-SSL-Client-Fingerprint", "X-SSL-Cert", "X-SSL-Issuer", "X-SSL-Subject",
    "SSLClientCert", "SSLClientCertStatus", "SSLClientCertSN",
    "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info",
    "X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Serial-Number",
    "X-Amzn-Mtls-Clientcert-Issuer", "X-Amzn-Mtls-Clientcert-Subject",
    "X-Amzn-Mtls-Clientcert-Validity", "X-Amzn-Mtls-Clientcert-Leaf",
    "Cf-Client-Cert-Der-Base64", "Cf-Client-Cert-Sha256", "Cf-Cert-Verified", "Cf-Cert-Revoked",
    "X-Consumer-ID", "X-Consumer-Custom-ID", "X-Consumer-Username", "X-Consumer-Groups",
    "X-Credential-Identifier", "X-Credential-Username", "X-Anonymous-Consumer",
    "WL-Proxy-Client-Cert", "WL-Proxy-SSL",
    "$WSAT", "$WSCC", "$WSCS", "$WSIS", "$WSPR", "$WSRA", "$WSRH", "$WSRU", "$WSSC", "$WSSI",
    "$WSSN", "$WSSP",
    "Remote-User", "Remote-Group", "Remote-Groups", "Remote-Name", "Remote-Email",
    "X-Remote-User", "X-Remote-Uid", "X-Remote-Group", "X-Remote-Groups", "X-Remote-Name",
    "X-Remote-Email",
    "X-WebAuth-User", "X-Authenticated-User", "X-Authenticated-Userid",
    NULL,
};
/* clang-format on */

/* What these begin is somebody's identity whatever follows: "-Validity", "-S-DN-CN", "ificate". */
static const struct slice identity_families[] = {
    SLICE_STATIC("Client-Cert"),
    SLICE_STATIC("X-Client-Cert"),
    SLICE_STATIC("X-ClientCert"),
    SLICE_STATIC("X-ARR-"),
    SLICE_STATIC("X-AppGW-"),
    SLICE_STATIC("X-MS-CLIENT-PRINCIPAL-"),
    SLICE_STATIC("SSL-"),
    SLICE_STATIC("X-SSL-"),
    SLICE_STATIC("SSLClientCert"),
    SLICE_STATIC("TLS-Client-"),
    SLICE_STATIC("X-TLS-Client-"),
    SLICE_STATIC("X-Amzn-Mtls-"),
    SLICE_STATIC("Cf-Client-Cert-"),
    SLICE_STATIC("Cf-Cert-"),
    SLICE_STATIC("X-Forwarded-Client-Cert"),
    SLICE_STATIC("X-Forwarded-Tls-Client-Cert"),
    SLICE_STATIC("X-Consumer-"),
    SLICE_STATIC("X-Remote-Extra-"),
    SLICE_STATIC("WL-Proxy-"),
    {NULL, 0},
};

/* "Proxy" becomes HTTP_PROXY in CGI, which HTTP clients behind it obey (CVE-2016-5385). */
static const struct slice forwarding_names[] = {
    SLICE_STATIC("Forwarded"),
    SLICE_STATIC("X-Forwarded"),
    SLICE_STATIC("X-Rewrite-URL"),
    SLICE_STATIC("Proxy"),
    SLICE_STATIC("Client-IP"),
    SLICE_STATIC("X-Client-IP"),
    SLICE_STATIC("X-Real-IP"),
    SLICE_STATIC("True-Client-IP"),
    SLICE_STATIC("X-Cluster-Client-IP"),
    SLICE_STATIC("Cf-Connecting-IP"),
    SLICE_STATIC("Cf-Connecting-IPv6"),
    SLICE_STATIC("Fastly-Client-IP"),
    SLICE_STATIC("X-ProxyUser-Ip"),
    SLICE_STATIC("X-Azure-ClientIP"),
    SLICE_STATIC("X-Azure-SocketIP"),
    SLICE_STATIC("X-Envoy-External-Address"),
    SLICE_STATIC("X-Envoy-Original-Path"),
    SLICE_STATIC("Front-End-Https"),
    SLICE_STATIC("X-Url-Scheme"),
    SLICE_STATIC("X-Scheme"),
    {NULL, 0},
};

static const struct slice forwarding_families[] = {
    SLICE_STATIC("X-Forwarded-"), SLICE_STATIC("X-Original-"), {NULL, 0}};

/* TE and Trailer are written anew where trailers may pass. Proxy-Authorization was meant for a
 * proxy on this side, if for anybody. */
static const struct slice hop_by_hop_names[] = {
    SLICE_STATIC("Connection"),
    SLICE_STATIC("Keep-Alive"),
    SLICE_STATIC("Proxy-Connection"),
    SLICE_STATIC("TE"),
    SLICE_STATIC("Trailer"),
    SLICE_STATIC("Transfer-Encoding"),
    SLICE_STATIC("Upgrade"),
    SLICE_STATIC("HTTP2-Settings"),
    SLICE_STATIC("Proxy-Authenticate"),
    SLICE_STATIC("Proxy-Authorization"),
    SLICE_STATIC("Proxy-Authentication-Info"),
    {NULL, 0},
};

/* Most names differ in their size or first letter, and this is asked of every field. */
bool rewrite_name_is_among(struct slice name, const struct slice *names)
{
    char first = slice_is_empty(name) ? '\0' : ascii_lower(name.data[0]);

    for (; names->data != NULL; names++) {
        if (names->size == name.size && ascii_lower(names->data[0]) == first &&
            http_name_folds_equal(name, *names))
            return true;
    }
    return false;
}

bool rewrite_name_is_of_family(struct slice name, const struct slice *families)
{
    char first = slice_is_empty(name) ? '\0' : ascii_lower(name.data[0]);

    for (; families->data != NULL; families++) {
        if (families->size <= name.size && ascii_lower(families->data[0]) == first &&
            http_name_folds_equal(slice_first(name, families->size), *families))
            return true;
    }
    return false;
}

struct http_name_set *rewrite_owned_names_create(void)
{
    struct http_name_set *names = http_name_set_create();

    for (size_t i = 0; identity_names[i] != NULL; i++)
        http_name_set_add(names, slice_from_text(identity_names[i]));
    return names;
}

static bool is_listed_identity(struct slice name)
{
    for (size_t i = 0; identity_names[i] != NULL; i++) {
        if (http_name_folds_equal(name, slice_from_text(identity_names[i])))
            return true;
    }
    return false;
}

bool rewrite_is_identity_name(const struct http_name_set *owned_names, struct slice name)
{
    if (rewrite_name_is_of_family(name, identity_families))
        return true;
    return owned_names == NULL ? is_listed_identity(name) : http_name_set_has(owned_names, name);
}

bool rewrite_is_forwarding_name(struct slice name)
{
    return rewrite_name_is_among(name, forwarding_names) ||
           rewrite_name_is_of_family(name, forwarding_families);
}

bool rewrite_is_hop_by_hop_name(struct slice name)
{
    return rewrite_name_is_among(name, hop_by_hop_names);
}
