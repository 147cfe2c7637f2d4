# evenkeel:latest: one static binary, nothing else. `make image` prepares the build context (one
# target/image/rootfs-ARCHITECTURE.tar each) and builds this, for amd64, arm64 and arm/v7.
FROM scratch
ARG TARGETARCH
ARG TARGETVARIANT
ADD rootfs-${TARGETARCH}${TARGETVARIANT}.tar /
EXPOSE 80 443 1936
HEALTHCHECK --interval=5s --timeout=5s --retries=2 CMD ["/usr/local/bin/evenkeel", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/evenkeel"]
CMD ["run"]
