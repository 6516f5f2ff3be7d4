# Stand-in for ghcr.io/trufflesecurity/trufflehog: the older TruffleHog of Debian sid.
FROM debian:sid-slim
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends ca-certificates git trufflehog \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && git config --system safe.directory '*' \
 && echo 'requirements[^/]*\.txt$' > /etc/trufflehog-excluded
COPY rehearsal/images/trufflehog-entrypoint /usr/bin/entrypoint.sh
ENTRYPOINT ["entrypoint.sh"]
