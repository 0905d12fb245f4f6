/* SPDX-License-Identifier: Apache-2.0
 *
 * How libcrypto turns the EC public key of a certificate into a key that it can use. From OpenSSL
 * 3.0 on it asks OSSL_DECODER, which in 3.0 and 3.1 takes nearly a tenth of a millisecond a
 * certificate, more than verifying its signature; later versions have made it fast. The way of
 * OpenSSL 1.1 is still there, and is taken for a kind of key whose methods an ENGINE offers. So
 * where it pays an ENGINE offers libcrypto's own EC methods.
 *
 * It concerns the whole process and all its uses of EC keys: while the way is the legacy one, they
 * cannot be made from parameters (EVP_PKEY_fromdata) nor by NIST's names of curves (EVP_EC_gen with
 * "P-256"); those of SECG ("prime256v1"), which libssl uses, will do. Reading, signing, verifying
 * and agreeing are the same. Other kinds of keys have no part in it: the same for RSA ends the
 * process inside libcrypto 3.0.
 */
#pragma once

#include <stdbool.h>

enum key_decoding_wish {
    KEY_DECODING_BY_VERSION, /* the legacy way where this version of the library gains by it */
    KEY_DECODING_PLAIN,
    KEY_DECODING_LEGACY /* whatever the version */
};

struct key_decoding;

/* Called once, while there is one thread, before keys are used. The plain way it is, whatever the
 * wish, where the legacy one would go around somebody else's implementation (a FIPS module, a
 * token, an ENGINE), where it is missing, and where a self-test finds that the two ways differ. */
struct key_decoding *key_decoding_start(enum key_decoding_wish wish);
/* Called when one thread is left. Keys that were made since are released before. */
void key_decoding_stop(struct key_decoding *decoding);

bool key_decoding_is_legacy(const struct key_decoding *decoding);
/* A sentence about which way it is and why; lives as long as the program. */
const char *key_decoding_explain(const struct key_decoding *decoding);
