#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A throw-away PKI for the benchmark: root, intermediate, server certificates (ECDSA P-256 and
# RSA-2048), and numbered clients of each kind, whose files hold leaf and intermediate as real
# clients send them. What exists already is kept.
#
# usage: pki.sh FOLDER [EC_CLIENTS [RSA_CLIENTS]]
#
#   FOLDER/trust.pem, root.crt           what a gateway trusts; what a generator trusts
#   FOLDER/server-{ec,rsa}.{crt,key,pem}
#   FOLDER/clients-{ec,rsa}/00000.{crt,key} ...
set -euo pipefail

folder=$1
ec_clients=${2:-200}
rsa_clients=${3:-20}
mkdir -p "$folder/clients-ec" "$folder/clients-rsa"
cd "$folder"
exec 2>pki.log

key_options() {
    case $1 in
    ec) echo -newkey ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve ;;
    rsa) echo -newkey rsa:2048 ;;
    esac
}

# issue NAME KIND DAYS SUBJECT ARGUMENTS...
issue() {
    local name=$1 kind=$2 days=$3 subject=$4 options
    shift 4

    read -ra options < <(key_options "$kind")
    openssl req -x509 -sha256 -nodes -days "$days" "${options[@]}" \
        -keyout "$name.key" -out "$name.crt" -subj "$subject" "$@"
}

# authority NAME SUBJECT ARGUMENTS...
authority() {
    local name=$1 subject=$2
    shift 2

    [ ! -s "$name.crt" ] || return 0
    issue "$name" ec 3650 "$subject" -addext 'basicConstraints=critical,CA:TRUE' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' "$@"
}

# leaf NAME KIND SUBJECT PURPOSE ALTERNATIVE_NAMES
leaf() {
    local name=$1 kind=$2 subject=$3 purpose=$4 alternative=$5

    [ ! -s "$name.crt" ] || return 0
    issue "$name.new" "$kind" 825 "$subject" -CA int.crt -CAkey int.key \
        -addext 'basicConstraints=critical,CA:FALSE' -addext 'keyUsage=critical,digitalSignature' \
        -addext "extendedKeyUsage=$purpose" -addext "subjectAltName=$alternative"
    cat int.crt >>"$name.new.crt"
    mv "$name.new.key" "$name.key"
    mv "$name.new.crt" "$name.crt"
}

# clients KIND FIRST STEP COUNT
clients() {
    local kind=$1 number=$2 step=$3 count=$4 id

    while [ "$number" -lt "$count" ]; do
        printf -v id %05d "$number"
        leaf "clients-$kind/$id" "$kind" "/C=EX/O=Bench/OU=Clients $kind/CN=client-$id" clientAuth \
            "URI:spiffe://bench.test/client/$id,email:c$id@bench.test"
        number=$((number + step))
    done
}

# Two at a time.
all_clients() {
    local first second

    clients "$1" 0 2 "$2" &
    first=$!
    clients "$1" 1 2 "$2" &
    second=$!
    wait "$first"
    wait "$second"
}

authority root '/C=EX/O=Bench/CN=Bench Root'
authority int '/C=EX/O=Bench/CN=Bench Issuing' -CA root.crt -CAkey root.key
cat root.crt int.crt >trust.pem
for kind in ec rsa; do
    leaf "server-$kind" "$kind" '/C=EX/O=Bench/CN=gw.bench.test' serverAuth \
        'DNS:gw.bench.test,IP:127.0.0.1'
    cat "server-$kind.crt" "server-$kind.key" >"server-$kind.pem"
done
all_clients ec "$ec_clients"
all_clients rsa "$rsa_clients"
