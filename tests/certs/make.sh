#!/bin/sh
# Makes the certificates in this folder, which the TLS tests use. They are valid for a century and
# trusted by nobody.
set -eu
cd "$(dirname "$0")"
newkey() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }
sign() { # NAME SUBJECT EXTENSIONS
  newkey "$1.key"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 \
    -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm "$1.csr" "$1.ext"
}
newkey ca.key
openssl req -x509 -new -key ca.key -subj "/CN=usersvc test CA" -days 36500 -out ca.pem
sign server "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
sign second "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
sign client "/CN=usersvc test client" "extendedKeyUsage=clientAuth"
newkey expired.key
openssl req -new -key expired.key -subj "/CN=localhost" -out expired.csr
openssl x509 -req -in expired.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out expired.pem \
  -not_before 20200101000000Z -not_after 20200201000000Z 2>/dev/null ||
  faketime '2020-01-01' openssl x509 -req -in expired.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
    -days 31 -out expired.pem
rm -f ca.key ca.srl expired.csr
