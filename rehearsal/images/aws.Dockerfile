# The local AWS of a rehearsal: ministack with rehearsal/aws.
FROM python:3.11-slim-bookworm
COPY machine/ /
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /rehearsal
# The requirements are in a layer of their own, because they seldom change.
COPY rehearsal/aws/requirements.txt .
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement requirements.txt
COPY rehearsal/aws rehearsal/aws
EXPOSE 4566
# The container needs only Docker's socket from the machine.
CMD ["python", "-m", "rehearsal.aws"]
