/* SPDX-License-Identifier: Apache-2.0
 *
 * See azure_upload_internal.h. A certificate is a CA when its basicConstraints say so, and nothing
 * else counts: a self-signed certificate without them is a leaf.
 */
#include "protocol/x509/azure_upload_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/x509/certificate_internal.h"
#include "protocol/x509/pem_internal.h"

struct upload {
    size_t blocks;
    size_t authorities;
    size_t roots;
};

static bool refuse(const char *name, const char *sentence, struct error *error)
{
    error_set(error, ERROR_CERTIFICATE, "ApplicationGateway%s: %s", name, sentence);
    return false;
}

static bool refuse_data(struct error *error)
{
    return refuse("TrustedClientCertificateInvalidData",
                  "it is not PEM, a block is not delimited, or there is nothing in one", error);
}

static bool count_certificate(struct upload *upload, const struct pem_block *block,
                              struct error *error)
{
    struct error ignored = {.kind = ERROR_NONE};
    X509 *certificate =
        pem_is_certificate(block) ? certificate_from_pem_block(block, &ignored) : NULL;

    if (certificate == NULL)
        return refuse_data(error);
    ERR_set_mark();
    if ((X509_get_extension_flags(certificate) & EXFLAG_CA) != 0) {
        upload->authorities++;
        if (X509_self_signed(certificate, 1) == 1)
            upload->roots++;
    }
    ERR_pop_to_mark();
    X509_free(certificate);
    return true;
}

static bool count_blocks(struct upload *upload, struct slice bytes, struct error *error)
{
    struct error ignored = {.kind = ERROR_NONE};
    struct pem_reader reader;
    struct pem_block block;
    enum pem_outcome outcome;

    pem_reader_init(&reader, bytes);
    for (outcome = pem_read(&reader, &block, &ignored); outcome == PEM_BLOCK;
         outcome = pem_read(&reader, &block, &ignored)) {
        if (pem_is_private_key(&block))
            return refuse("TrustedClientCertificateMustNotHavePrivateKey",
                          "there is a private key in it", error);
        if (!count_certificate(upload, &block, error))
            return false;
        upload->blocks++;
    }
    return (outcome == PEM_END && upload->blocks > 0) || refuse_data(error);
}

bool azure_upload_check(struct slice bytes, struct error *error)
{
    struct upload upload = {0};

    if (slice_is_empty(bytes))
        return refuse("TrustedClientCertificateMustSpecifyData", "it is empty", error);
    if (bytes.size > AZURE_UPLOAD_BYTES_MAX) {
        error_set(error, ERROR_LIMIT, "it is larger than the %d bytes that Azure takes",
                  AZURE_UPLOAD_BYTES_MAX);
        return false;
    }
    if (!count_blocks(&upload, bytes, error))
        return false;
    if (upload.authorities == 0)
        return refuse("TrustedClientCertificateDoesNotContainAnyCACertificate",
                      "no certificate in it is a CA by its basic constraints", error);
    if (upload.roots != 1)
        return refuse("OnlyOneRootCAAllowedInTrustedClientCertificate",
                      upload.roots == 0 ? "there is no self-signed CA in it"
                                        : "there is more than one self-signed CA in it",
                      error);
    return true;
}
