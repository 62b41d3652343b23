# usersvc as a container: docker build --tag usersvc . && docker run --read-only --publish 50051:50051 usersvc
# An executable of the bundle in place of Deno and the bundle: it starts as fast without a cache that can
# be written, its permissions cannot be changed, and it is one file.
# Built by the builder's own Deno for any platform: it needs no emulation.
FROM --platform=$BUILDPLATFORM denoland/deno:2.9.6 AS build
ARG TARGETARCH
WORKDIR /usersvc
COPY deno.json deno.lock ./
COPY proto proto
COPY tools tools
COPY src src
COPY tests/certs tests/certs
# With a target, the build fails where it can make no standalone executable. One for another platform
# does not run here; the release has tried it there.
RUN case "${TARGETARCH:-$(uname -m)}" in arm64 | aarch64) cpu=aarch64 ;; *) cpu=x86_64 ;; esac \
  && deno task build --target "$cpu-unknown-linux-gnu" \
  && if [ "$cpu" = "$(uname -m)" ]; then deno run --allow-all tools/smoke.ts ./usersvc; fi

# glibc and no shell; the user is nonroot (65532).
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /usersvc/usersvc /usersvc
COPY --from=build /usersvc/dist/bundle/THIRD_PARTY_LICENSES /licenses/THIRD_PARTY_LICENSES
COPY LICENSE /licenses/LICENSE
# Deno starts each worker with the help of a temporary file. /dev/shm is writable with --read-only too.
ENV TMPDIR=/dev/shm
EXPOSE 50051
# usersvc drains; give `docker stop` more than its --grace: --time 15.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usersvc", "check"]
ENTRYPOINT ["/usersvc"]
# Each health check is a connection, and single processes keep memory of every one: workers are replaced.
CMD ["serve", "--workers", "auto"]
