# shellcheck shell=bash
# Shared by up and down: sourced, never run.

have docker || die "docker is missing: install it (Debian: apt-get install docker.io docker-compose) and start it"
docker info >/dev/null 2>&1 || die "the docker engine does not answer: start it, or join the group docker"
if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif have docker-compose; then
    compose=(docker-compose)
else
    die "docker compose is missing: install it (Debian: apt-get install docker-compose)"
fi
compose+=(--project-name interhub-demo)
