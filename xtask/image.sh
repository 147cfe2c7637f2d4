#!/bin/sh
# Builds the image evenkeel:latest from a static binary.  image.sh [PROFILE]   (release unless given)
# IMAGE_TARGETS="x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf"
# prepares the files for several architectures (rustup target add, a cross linker for each); buildx
# then makes one image of them, by the line that is printed.
set -eu
profile=${1:-release}
cd "$(dirname "$0")/.."
command -v docker >/dev/null || { echo "make image: docker is missing" >&2; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-target}
flags="-C target-feature=+crt-static -C strip=symbols"
# Packed relocations are 0.6 MB less; a linker that cannot pack them leaves them as they are.
[ "$profile" = quick ] || flags="$flags -C link-arg=-Wl,-z,pack-relative-relocs"
stage=$out/image
rm -rf "$stage"
root=$stage/root

# The platform of a Rust target, as Docker names it.
platform() {
    case $1 in
        x86_64-*) echo linux/amd64 ;;
        aarch64-*) echo linux/arm64 ;;
        armv7-*) echo linux/arm/v7 ;;
        *) echo "make image: no image for $1" >&2; exit 1 ;;
    esac
}

# What the Dockerfile calls it: architecture and variant.
file_of() { platform "$1" | sed 's/^linux//; s,/,,g; s/^/rootfs-/; s/$/.tar/'; }

root_of() {
    RUSTFLAGS="$flags" cargo build --profile "$profile" --target "$1" -p evenkeel
    mkdir -p "$root/usr/local/bin" "$root/usr/local/sbin" "$root/etc/haproxy" \
        "$root/usr/local/etc/haproxy" "$root/run" "$root/tmp" "$root/var/run"
    chmod 1777 "$root/tmp"
    cp "$out/$1/$profile/evenkeel" "$root/usr/local/bin/evenkeel"
    ln -s ../bin/evenkeel "$root/usr/local/sbin/haproxy"
    printf 'root:x:0:0:root:/:/\nhaproxy:x:99:99:haproxy:/:/\nnobody:x:65534:65534:nobody:/:/\n' \
        >"$root/etc/passwd"
    printf 'root:x:0:\nhaproxy:x:99:\nnogroup:x:65534:\n' >"$root/etc/group"
    tar -C "$root" --owner=0 --group=0 -cf "$stage/$(file_of "$1")" .
    rm -rf "$root"
}

platforms=
for target in ${IMAGE_TARGETS:-$host}; do
    root_of "$target"
    platforms=$platforms,$(platform "$target")
done
cp Dockerfile "$stage/Dockerfile"
if [ -n "${IMAGE_TARGETS:-}" ]; then
    echo "docker buildx build --platform ${platforms#,} -t evenkeel:latest $stage"
    exit 0
fi
"$out/$host/$profile/evenkeel" --version >/dev/null
# Only buildx sets these by itself.
variant=$(platform "$host" | cut -d/ -f3)
docker build -q --build-arg "TARGETARCH=$(platform "$host" | cut -d/ -f2)" \
    --build-arg "TARGETVARIANT=$variant" -t evenkeel:latest "$stage"
docker image inspect -f "{{.Id}}" evenkeel:latest >"$stage/id"
docker image inspect -f '{{.Size}}' evenkeel:latest | awk '{ printf "evenkeel:latest: %.1f MB (aim: 15)\n", $1 / 1e6 }'
