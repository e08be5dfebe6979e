#!/bin/sh
# Makes secrets/ for docker-compose.yml; files that exist already stay. The passwords are random; the
# key is read from the terminal or from standard input.
set -eu
cd "$(dirname "$0")/.."

# Only you may enter the directory. In the containers, users with other ids read the files, so their
# mode has to allow it.
umask 077
mkdir -p secrets
echo '*' > secrets/.gitignore
cd secrets

keep() { [ -s "$1" ] || { printf '%s\n' "$2" > "$1" && chmod 444 "$1" && echo "made secrets/$1"; }; }
random() { od -An -N 24 -tx1 /dev/urandom | tr -d ' \n'; }

if ! [ -s api_key ]; then
    [ ! -t 0 ] || printf 'key of SMS Partner (for the sandbox: any word): ' >&2
    IFS= read -r key
    [ -n "$key" ] || { echo "error: no key was given" >&2; exit 1; }
    keep api_key "$key"
fi
keep redis_password "$(random)"
keep broker_url "redis://:$(cat redis_password)@redis:6379/0"
keep webhook_secret "$(random)"
# nobody knows this one until a former secret is put in its place
keep webhook_secret_old "$(random)"
# keep a copy of this one outside of the database's backups: nothing is sent without it once
# somebody is erased
keep pseudonym_key "$(random)"
# it signs the evidence of campaigns
keep signing_key "$(random)"
# it signs the sessions of the console
keep console_key "$(random)"
keep postgres_password "$(random)"
keep database_url "postgresql+psycopg://dispatcher:$(cat postgres_password)@postgres/dispatcher"
