#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A revocation list of a million entries: how long it takes to load and what it holds, here and with
# `openssl crl`, on the same file.
#
#     bench/crl.sh [ENTRIES]      after ./dev build release
set -eu

entries=${1:-1000000}
here=$(cd "$(dirname "$0")/.." && pwd)
build=$here/build/release
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

node "$here/bench/micro/make_crl.mjs" "$entries" "$folder"
cc -O2 -std=c17 -D_GNU_SOURCE -I"$here/src" -o "$folder/crl_load" "$here/bench/micro/crl_load.c" \
    "$build/libsp_protocol_x509.a" "$build/libsp_protocol_reason.a" "$build/libsp_runtime.a" \
    -lcrypto -luv -lseccomp -lmimalloc -lcurl -lpthread
for form in der pem; do
    printf 'sallyport, %s: ' "$form"
    "$folder/crl_load" "$folder/list.$form"
done
for form in der pem; do
    printf 'openssl crl, %s: ' "$form"
    command time -f 'loaded in %U + %S s of CPU, peak %M KiB' \
        openssl crl -inform "$form" -in "$folder/list.$form" -noout 2>&1
done
