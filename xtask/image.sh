#!/bin/sh
# Builds the image evenkeel:latest from a static binary.  image.sh [PROFILE]   (release unless given)
set -eu
profile=${1:-release}
cd "$(dirname "$0")/.."
command -v docker >/dev/null || { echo "make image: docker is missing" >&2; exit 1; }
target=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-target}
flags="-C target-feature=+crt-static"
# Packed relocations are 0.6 MB less; a linker that cannot pack them leaves them as they are.
[ "$profile" = quick ] || flags="$flags -C link-arg=-Wl,-z,pack-relative-relocs"
RUSTFLAGS="$flags" cargo build --profile "$profile" --target "$target" -p evenkeel
stage=$out/image
rm -rf "$stage"
root=$stage/root
mkdir -p "$root/usr/local/bin" "$root/usr/local/sbin" "$root/etc/haproxy" "$root/usr/local/etc/haproxy" \
    "$root/run" "$root/tmp" "$root/var/run"
chmod 1777 "$root/tmp"
cp "$out/$target/$profile/evenkeel" "$root/usr/local/bin/evenkeel"
strip "$root/usr/local/bin/evenkeel"
"$root/usr/local/bin/evenkeel" --version >/dev/null
ln -s ../bin/evenkeel "$root/usr/local/sbin/haproxy"
printf 'root:x:0:0:root:/:/\nhaproxy:x:99:99:haproxy:/:/\nnobody:x:65534:65534:nobody:/:/\n' >"$root/etc/passwd"
printf 'root:x:0:\nhaproxy:x:99:\nnogroup:x:65534:\n' >"$root/etc/group"
tar -C "$root" --owner=0 --group=0 -cf "$stage/rootfs.tar" .
rm -rf "$root"
cp Dockerfile "$stage/Dockerfile"
docker build -q -t evenkeel:latest "$stage"
docker image inspect -f "{{.Id}}" evenkeel:latest >"$stage/id"
docker image inspect -f '{{.Size}}' evenkeel:latest | awk '{ printf "evenkeel:latest: %.1f MB (aim: 15)\n", $1 / 1e6 }'
