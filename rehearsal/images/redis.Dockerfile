# Stand-in for redis:7-alpine and valkey/valkey: Debian's Redis 7.0. `redis-server` is the command of both.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s redis-server /usr/bin/valkey-server \
 && ln -s redis-cli /usr/bin/valkey-cli
EXPOSE 6379
CMD ["redis-server", "--protected-mode", "no", "--save", ""]
