#!/bin/sh
# Start script of the TURN server in docker-compose.yml: addresses, certificate, quotas and denied peers.
# docker-compose.yml sets the environment; docs/operations.md has the reasons.
set -eu

domain=${DOMAIN:-localhost}
caddy=${CADDY_CERTIFICATES:-/data/caddy/certificates}
tls=$(mktemp -d)
chmod 0711 "$tls"

# `hostname -i` prints an address of each family that the container's network has.
container_ipv4=$(hostname -i | tr ' ' '\n' | grep -v : | head -n 1)
container_ipv6=$(hostname -i | tr ' ' '\n' | grep : | head -n 1)
public_ipv4=${TURN_EXTERNAL_IP:-$(getent ahostsv4 "$domain" | cut -d ' ' -f 1 | head -n 1)}
if [ -z "$public_ipv4" ]; then
    echo "turnserver.sh: $domain has no IPv4 address: set TURN_EXTERNAL_IP to the public one of this machine" >&2
    exit 1
fi

# Copy Caddy's newest certificate for the domain. Fail if there is none, or it is the one copied before.
copy_certificate() {
    # shellcheck disable=SC2012 # the names are a domain's
    newest=$(ls -t "$caddy"/*/"$domain/$domain.crt" 2>/dev/null | head -n 1)
    [ -n "$newest" ] && ! cmp -s "$newest" "$tls/cert.pem" || return 1
    install -m 0440 -g nogroup "${newest%.crt}.key" "$tls/key.pem"
    install -m 0444 "$newest" "$tls/cert.pem"
}

# Tell turnserver, which replaces this shell and keeps its process id, of a new certificate.
watch_certificate() {
    while sleep "${CADDY_POLL_S:-60}" && kill -0 "$$" 2>/dev/null; do
        if copy_certificate; then kill -s "$1" "$$"; fi
    done
}

# Without a certificate there is no TLS until a restart: end, and be restarted. With one it is reloaded.
if copy_certificate; then
    set -- --cert="$tls/cert.pem" --pkey="$tls/key.pem"
    watch_certificate USR2 &
else
    set --
    watch_certificate TERM &
fi

# Peers of special addresses (the IANA special-purpose registries, multicast, and Azure's wire server): a relay
# reaches what this machine reaches, so it must lead to public addresses only. Of IPv6 these are in 2000::/3. From ::1
# on, because turnserver takes a range from :: for one that has all IPv4 addresses too; it refuses :: itself.
for range in \
    0.0.0.0-0.255.255.255 \
    10.0.0.0-10.255.255.255 \
    100.64.0.0-100.127.255.255 \
    127.0.0.0-127.255.255.255 \
    168.63.129.16-168.63.129.16 \
    169.254.0.0-169.254.255.255 \
    172.16.0.0-172.31.255.255 \
    192.0.0.0-192.0.0.255 \
    192.0.2.0-192.0.2.255 \
    192.31.196.0-192.31.196.255 \
    192.52.193.0-192.52.193.255 \
    192.88.99.0-192.88.99.255 \
    192.168.0.0-192.168.255.255 \
    192.175.48.0-192.175.48.255 \
    198.18.0.0-198.19.255.255 \
    198.51.100.0-198.51.100.255 \
    203.0.113.0-203.0.113.255 \
    224.0.0.0-255.255.255.255 \
    ::1-1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
    2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff \
    2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff \
    2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
    2620:4f:8000::-2620:4f:8000:ffff:ffff:ffff:ffff:ffff \
    3fff::-3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff \
    4000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
do
    set -- "$@" --denied-peer-ip="$range"
done

# Without a public address of its own, a relay of IPv6 would tell peers the container's.
if [ -n "$container_ipv6" ] && [ -n "${TURN_EXTERNAL_IPV6:-}" ]; then
    set -- "$@" --relay-ip="$container_ipv6" --external-ip="$TURN_EXTERNAL_IPV6/$container_ipv6"
fi

# A file, because every process sees a command line.
conf=$tls/turnserver.conf
(umask 077 && echo "static-auth-secret=$TURN_SECRET" > "$conf")

# One allocation takes one port. A rate limit of 1 MB/s each way is enough for video. No flag of TLS or DTLS: without
# a certificate there is no TLS, and newer versions refuse --no-dtls.
exec turnserver -c "$conf" \
    --log-file=stdout \
    --realm=whisper \
    --fingerprint \
    --use-auth-secret \
    --no-tcp-relay \
    --relay-ip="$container_ipv4" \
    --external-ip="$public_ipv4/$container_ipv4" \
    --min-port=49160 \
    --max-port=49359 \
    --total-quota=200 \
    --user-quota="${TURN_USER_QUOTA:-24}" \
    --max-bps=1000000 \
    --proc-user=nobody \
    --proc-group=nogroup \
    "$@"
