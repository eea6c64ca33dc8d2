#!/bin/bash
# Prepares the data at the first start, and then runs the server as the user `postgres`.
set -Eeo pipefail

if [ "$(id -u)" = 0 ] && [ "$1" = postgres ]; then
    install --directory --owner=postgres --mode=700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$BASH_SOURCE" "$@"
fi

prepare() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    export POSTGRES_USER="${POSTGRES_USER:-postgres}"
    export POSTGRES_DB="${POSTGRES_DB:-$POSTGRES_USER}"
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    # On a socket only: no other container can connect before everything is prepared.
    pg_ctl --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
    export PGHOST=/tmp
    sql=(psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER")
    if [ "$POSTGRES_DB" != postgres ]; then
        "${sql[@]}" --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db"'
    fi
    sql+=(--dbname "$POSTGRES_DB")
    for file in /docker-entrypoint-initdb.d/*; do
        echo "$0: $file"
        case "$file" in
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) "${sql[@]}" --file "$file" ;;
        esac
    done
    pg_ctl --wait --mode=fast stop
    unset PGHOST
}

if [ "$1" = postgres ]; then
    [ -s "$PGDATA/PG_VERSION" ] || prepare
    set -- "$@" -c "listen_addresses=*" -c unix_socket_directories=/tmp
fi
exec "$@"
