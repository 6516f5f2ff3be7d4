# Stand-in for python:3.11-slim-bookworm, from Debian's packages. Like Docker's image, it has the headers but
# no bytecode.
FROM debian:bookworm-slim
ENV PATH=/usr/local/bin:$PATH LANG=C.UTF-8
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        ca-certificates libpython3.11-dev python3 python3-pip python3-venv tzdata \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/lib/python3.11/EXTERNALLY-MANAGED \
 && find / -xdev -name '*.pyc' -delete \
 && ln -s /usr/bin/python3.11 /usr/local/bin/python \
 && ln -s /usr/bin/python3.11 /usr/local/bin/python3 \
 && ln -s /usr/bin/pip3 /usr/local/bin/pip
# After ca-certificates, which writes the same file with Debian's authorities only.
COPY machine/ /
CMD ["python3"]
