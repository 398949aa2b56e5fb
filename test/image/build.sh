#!/usr/bin/env bash
# Builds the Dockerfile's cpu image with buildah and runs it as a restricted pod would: another user, read-only root, no capability.
# For machines without Docker: the base image is made here, of debootstrap's Debian and this clone's Node, so that none is pulled.
# The GPU stages need NVIDIA's base image and are only built by those who have it.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() { echo "SKIPPED: the image is not built: $1" >&2; exit 0; }
[ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || skip "needs root on Linux"
if ! command -v buildah > /dev/null || ! command -v debootstrap > /dev/null; then
  command -v apt-get > /dev/null || skip "needs buildah and debootstrap"
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah debootstrap) > /dev/null 2>&1 \
    || skip "apt-get install buildah debootstrap failed"
fi

base=localhost/nestor-base:26
image=localhost/nestor:check
work=$(mktemp -d)
container=
root=
cleanup() {
  [ -z "$root" ] || umount -R -l "$root" 2> /dev/null || true
  [ -z "$container" ] || buildah rm "$container" > /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

if ! buildah inspect --type image "$base" > /dev/null 2>&1; then
  echo "Making the base image ..."
  debootstrap --variant=minbase --include=ca-certificates,libatomic1 trixie "$work/root" http://deb.debian.org/debian > "$work/log" \
    || { tail -n 5 "$work/log" >&2; skip "debootstrap failed"; }
  install -m 755 "$(readlink -f node_modules/.bin/node)" "$work/root/usr/local/bin/node"
  mkdir -p "$work/root/usr/local/lib/node_modules"
  # The npm that runs this: where packages are global depends on the Node that comes first in PATH.
  npm=${npm_execpath:-$(readlink -f "$(command -v npm)")}
  cp -rL "${npm%/bin/npm-cli.js}" "$work/root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/local/bin/npm"
  container=$(buildah from scratch)
  buildah copy --quiet "$container" "$work/root" / > /dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet "$container" "$base" > /dev/null
  buildah rm "$container" > /dev/null
  container=
fi

echo "Building ..."
# The certificates of this machine: there may be a proxy between it and the registry.
buildah build --format docker --isolation chroot --network host --layers --pull-never --target cpu --tag "$image" --build-arg "NODE_IMAGE=$base" \
  --volume /etc/ssl/certs:/etc/ssl/certs:ro --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt --quiet . > "$work/log" 2>&1 \
  || { tail -n 40 "$work/log" >&2; exit 1; }

echo "Running ..."
container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")
node_modules/.bin/node test/image/check.ts "$root" "$(buildah inspect --type image "$image" | node_modules/.bin/node -e '
  const { OCIv1, Docker } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  console.log(JSON.stringify({ ...OCIv1.config, Healthcheck: Docker.config.Healthcheck }));')"
