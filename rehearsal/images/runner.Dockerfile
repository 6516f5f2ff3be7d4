# The machine that a job runs on: what the workflows use of GitHub's ubuntu-24.04.
FROM python:3.11-slim-bookworm
COPY machine/ /
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        build-essential ca-certificates chromium curl default-libmysqlclient-dev git jq pkg-config \
        skopeo sudo tzdata unzip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# Debian 13's: 12 has no Buildx. These two need no newer C library than 12's.
# hadolint ignore=DL4006,SC2016
RUN apt-get update \
 && mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1) \
 && echo "deb $mirror trixie main" > /etc/apt/sources.list.d/trixie.list \
 && printf 'Package: *\nPin: release n=trixie\nPin-Priority: 1\n' > /etc/apt/preferences.d/trixie \
 && apt-get update \
 && apt-get install -y --no-install-recommends docker-buildx docker-cli \
 && rm -rf /etc/apt/sources.list.d/trixie.list /etc/apt/preferences.d/trixie \
        /var/lib/apt/lists/* /var/cache/apt/*

# Apart from the Python of the jobs, which must not find what these need.
COPY rehearsal/images/runner-requirements.txt /opt/tools/
RUN python3 -m venv /opt/tools \
 && /opt/tools/bin/pip install --no-cache-dir --require-hashes -r /opt/tools/runner-requirements.txt \
 && node=$(find /opt/tools -path '*/bin/node') \
 && rm -rf "${node%/bin/node}/include" \
 && ln -s "$node" /opt/tools/bin/aws /usr/local/bin/

# What actions/setup-python looks in. Not GitHub's /opt/hostedtoolcache: act lays a volume over that,
# and a job would find what another installed. `empty` has nothing but pip. `filled` has what these files
# pin, for a commit that brings the same files: pip looks at the hash only of what it installs.
COPY requirements.txt requirements-ci.txt /opt/toolcache/
WORKDIR /opt/toolcache
RUN version=$(python3 -c 'import platform; print(platform.python_version())') \
 && for cache in empty filled; do \
        python3 -m venv "/opt/toolcache/$cache/Python/$version/x64" \
     && ln -sf python3 "/opt/toolcache/$cache/Python/$version/x64/bin/python3.11" \
     && touch "/opt/toolcache/$cache/Python/$version/x64.complete" || exit; \
    done \
 && "filled/Python/$version/x64/bin/pip" install --no-cache-dir --require-hashes -r requirements.txt \
 && "filled/Python/$version/x64/bin/pip" install --no-cache-dir --require-hashes -r requirements-ci.txt
# A clock that a drill can set: it is not Friday afternoon often enough.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfaketime \
 && ln -s /usr/lib/*/faketime/libfaketime.so.1 /usr/local/lib/ \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY rehearsal/images/runner-registries.conf /etc/containers/registries.conf.d/rehearsal.conf
# Programs that bring authorities of their own trust this machine's instead.
ENV AGENT_TOOLSDIRECTORY=/opt/toolcache/empty PIP_DISABLE_PIP_VERSION_CHECK=1 \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /
CMD ["bash"]
