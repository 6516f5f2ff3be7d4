FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
# Docker's image has no bytecode, and a read-only root file system can't get any: each start would compile
# what it imports.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
        -x '/(ensurepip|idlelib|lib2to3|pydoc_data|site-packages|test|tkinter|turtledemo)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"


FROM base AS packages
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
        build-essential default-libmysqlclient-dev pkg-config \
 && rm -r /var/lib/apt/lists/*

# The .po files are what translators edit; programs read the .mo files beside them.
COPY requirements.txt .
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --require-hashes --requirement requirements.txt \
 && find /opt/venv -name '*.po' -delete \
 && find /opt/venv -name tests -prune -exec rm -r {} + \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv


# A stage of its own: a change of code installs nothing, and leaves the packages' layer as it is.
# A clone made under a strict umask would be closed to the image's user.
FROM packages AS code
COPY . .
RUN rm myproject/settings/static.py \
 && python -m compileall -q --invalidation-mode unchecked-hash apps myproject \
 && mkdir /static \
 && find apps -mindepth 2 -maxdepth 2 -name static -exec cp -r {}/. /static ';' \
 && chmod -R a+rX /app /static


# Without the code of the apps, so that a change of it does not collect again.
# Production's settings require variables; these exist for this command only, and none reaches the image.
FROM packages AS static
COPY myproject myproject
COPY --from=code /static static
RUN APP_ENVIRONMENT=build ALLOWED_HOSTS=build DATABASE_URL=mysql://build/build \
    REDIS_URL=redis://build SECRET_KEY="$(cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/uuid)" \
    DJANGO_SETTINGS_MODULE=myproject.settings.static \
    python -m django collectstatic --no-input --verbosity 0 \
 && chmod -R a+rX staticfiles


FROM base
# Nothing is installed in a running container, so what installs goes too.
# hadolint ignore=DL3003 # WORKDIR can't go to a folder that a command names
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libmariadb3 \
 && apt-get clean \
 && rm -r /var/lib/apt/lists/* \
 && cd "$(python -c 'import pathlib, pip; print(pathlib.Path(pip.__file__).parent.parent)')" \
 && rm -rf pip* setuptools* wheel* pkg_resources _distutils_hack distutils-precedence.pth \
 && rm -rf /usr/local/bin/pip* /usr/local/bin/wheel /usr/bin/pip*

ENV DJANGO_SETTINGS_MODULE=myproject.settings.production \
    PORT=8000
EXPOSE 8000
# A number, so that an orchestrator can tell that it is not root without a look into the image.
USER 10001:10001
# ECS ignores this one: its task definition has the same.
# Bash, because an interpreter every five seconds would cost more than it checks; the image has no curl.
HEALTHCHECK --interval=5s --timeout=4s --start-period=20s CMD ["timeout", "3", "bash", "-c", "\
exec 3<>/dev/tcp/127.0.0.1/$PORT \
&& printf 'GET /health/live/ HTTP/1.0\\r\\n\\r\\n' >&3 \
&& read -r version status reason <&3 \
&& [[ $status == 200 ]]"]
# No entrypoint: it would hide what runs, and migrations at start-up would race between tasks.
CMD ["gunicorn"]
ARG APP_VERSION=unknown APP_COMMIT=unknown APP_CREATED= APP_SOURCE=

# From what changes least to what changes with every commit.
COPY --from=packages /opt/venv /opt/venv
COPY --from=static /app/staticfiles staticfiles
COPY --from=code /app .

ENV APP_VERSION=$APP_VERSION APP_COMMIT=$APP_COMMIT APP_CREATED=$APP_CREATED
LABEL org.opencontainers.image.title="myproject" \
      org.opencontainers.image.version="$APP_VERSION" \
      org.opencontainers.image.revision="$APP_COMMIT" \
      org.opencontainers.image.created="$APP_CREATED" \
      org.opencontainers.image.source="$APP_SOURCE" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
