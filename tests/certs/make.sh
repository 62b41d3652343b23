#!/bin/sh
# Makes the certificates in this folder, which the TLS tests use. They are valid for a century and
# trusted by nobody. Needs openssl 3 and, for those of another time, faketime.
set -eu
cd "$(dirname "$0")"
newkey() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }
authority() { # NAME [DAYS]
  newkey "$1.key"
  ${OPENSSL:-openssl} req -x509 -new -key "$1.key" -subj "/CN=usersvc test CA" \
    -days "${2:-36500}" -out "$1.pem"
}
sign() { # AUTHORITY NAME SUBJECT EXTENSIONS [DAYS]
  newkey "$2.key"
  openssl req -new -key "$2.key" -subj "$3" -out "$2.csr"
  printf '%s\n' "$4" > "$2.ext"
  ${OPENSSL:-openssl} x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial \
    -days "${5:-36500}" -extfile "$2.ext" -out "$2.pem"
  rm "$2.csr" "$2.ext"
}
# Without extensions a certificate is of X.509 version 1.
sign_version_1() { # AUTHORITY NAME SUBJECT
  newkey "$2.key"
  openssl req -new -key "$2.key" -subj "$3" -out "$2.csr"
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 36500 -out "$2.pem"
  rm "$2.csr"
}
HERE="subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"

authority ca
sign ca server "/CN=localhost" "$HERE"
sign ca second "/CN=localhost" "$HERE"
sign ca client "/CN=usersvc test client" "extendedKeyUsage=clientAuth"
# For a server under another name and at another address.
sign ca elsewhere "/CN=localhost" "subjectAltName=DNS:elsewhere.example,IP:192.0.2.1"
# Signed by an authority in between; the file holds both certificates.
sign ca between "/CN=between" "basicConstraints=critical,CA:TRUE"
sign between chained "/CN=localhost" "$HERE"
cat between.pem >> chained.pem
# Valid in January 2020.
OPENSSL="faketime 2020-01-01 openssl" sign ca expired "/CN=localhost" "$HERE" 31
# Authorities that are not valid now, but what they have signed is.
OPENSSL="faketime 2020-01-01 openssl" authority expired_ca 31
sign expired_ca of_expired_ca "/CN=localhost" "$HERE"
OPENSSL="faketime 2120-01-01 openssl" authority future_ca
sign future_ca of_future_ca "/CN=localhost" "$HERE"

# Forgeries: their authority has the name of the trusted one, but not its key.
authority impostor
sign impostor forged "/CN=localhost" "$HERE"
sign_version_1 impostor forged_v1 "/CN=localhost"
sign_version_1 impostor forged_between "/CN=between"
sign forged_between forged_chain "/CN=localhost" "$HERE"
cat forged_between.pem >> forged_chain.pem

rm -f ca.key expired_ca.key future_ca.key impostor.key between.* forged_between.* *.srl
