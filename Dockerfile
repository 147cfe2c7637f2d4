# evenkeel:latest: one static binary, nothing else. `make image` prepares the build context
# (target/image/rootfs.tar for this machine's architecture) and builds this.
FROM scratch
ADD rootfs.tar /
EXPOSE 80 443 1936
HEALTHCHECK --interval=5s --timeout=5s --retries=2 CMD ["/usr/local/bin/evenkeel", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/evenkeel"]
CMD ["run"]
