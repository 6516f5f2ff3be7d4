# The runner of the jobs: the parts of GitHub's ubuntu-24.04 that the workflows use.
FROM python:3.11-slim-bookworm
COPY machine/ /
# One installation, so that the package lists are read once. The Docker CLI and Buildx are Debian 13's, because
# Debian 12 has no Buildx; the pin keeps everything else at Debian 12's version. Headless Chromium is the browser
# without the desktop libraries that a window needs.
# hadolint ignore=DL4006,SC2016
RUN apt-get update \
 && mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1) \
 && echo "deb $mirror trixie main" > /etc/apt/sources.list.d/trixie.list \
 && printf 'Package: *\nPin: release n=trixie\nPin-Priority: 1\n' > /etc/apt/preferences.d/trixie \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates chromium-headless-shell curl default-libmysqlclient-dev docker-buildx docker-cli gcc git \
        jq libc6-dev libfaketime make pkg-config skopeo sudo tzdata unzip \
 && ln -s chromium-headless-shell /usr/bin/chromium \
 && ln -s /usr/lib/*/faketime/libfaketime.so.1 /usr/local/lib/ \
 && rm -rf /etc/apt/sources.list.d/trixie.list /etc/apt/preferences.d/trixie \
        /var/lib/apt/lists/* /var/cache/apt/*

# Programs with their own authorities trust this machine's instead.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY requirements.txt requirements-ci.txt rehearsal/images/runner-requirements.txt /opt/toolcache/
COPY rehearsal/requirements.txt /opt/toolcache/rehearsal.txt
WORKDIR /opt/toolcache
# /opt/tools is separate from the Python of the jobs, which must not find the packages of the runner's own tools.
#
# actions/setup-python uses /opt/toolcache instead of GitHub's /opt/hostedtoolcache, over which act mounts a volume
# that jobs share. `empty` has only pip. `filled` has the packages that these files pin, for commits with the same
# files: pip verifies the hashes only of packages that it installs.
#
# In us-east-1, version 1 of the AWS CLI sends calls of RDS to RDS's own host, even if AWS_ENDPOINT_URL is set. Without
# that entry, it treats RDS like any other service.
RUN sed -n '/^pip==/,/# via/p' requirements-ci.txt > pip.txt \
 && sed -n '/^uv==/,/# via/p' requirements-ci.txt > uv.txt \
 && version=$(python3 -c 'import platform; print(platform.python_version())') \
 && case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac \
 && empty=/opt/toolcache/empty/Python/$version/$arch filled=/opt/toolcache/filled/Python/$version/$arch \
 && for folder in "$empty" "$filled" /opt/tools; do \
        python3 -m venv --without-pip "$folder" && ln -sf python3 "$folder/bin/python3.11" || exit; \
    done \
 && touch "$empty.complete" "$filled.complete" \
 && pip --python "$filled/bin/python" install --quiet --no-cache-dir --no-compile --no-deps --require-hashes \
        --requirement uv.txt \
 && uv() { "$filled/bin/uv" --no-cache --quiet pip install --require-hashes "$@"; } \
 && uv --python "$empty" --requirement pip.txt \
 && uv --python "$filled" --requirement requirements.txt --requirement requirements-ci.txt --requirement rehearsal.txt \
 && uv --python /opt/tools --requirement runner-requirements.txt \
 && sed -i '/^    "rds": {$/,/^    },$/d' \
        /opt/tools/lib/python3*/site-packages/awscli/customizations/overridesslcommonname.py \
 && python3 -m compileall -q -j 0 -x /tests/ /opt/toolcache /opt/tools \
 && node=$(find /opt/tools -path '*/bin/node') \
 && rm -rf "${node%/bin/node}/include" \
 && ln -s "$node" /opt/tools/bin/aws /usr/local/bin/
COPY rehearsal/images/runner-registries.conf /etc/containers/registries.conf.d/rehearsal.conf
ENV AGENT_TOOLSDIRECTORY=/opt/toolcache/empty
WORKDIR /
CMD ["bash"]
