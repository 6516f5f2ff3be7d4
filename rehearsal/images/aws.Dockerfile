# The AWS of a rehearsal: ministack with rehearsal/aws.
FROM python:3.11-slim-bookworm
COPY machine/ /
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /rehearsal
# The requirements change seldom, and their layer is kept until they do.
COPY rehearsal/aws/requirements.txt .
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement requirements.txt
COPY rehearsal/aws rehearsal/aws
EXPOSE 4566
# Docker's socket is all that it needs of the machine.
CMD ["python", "-m", "rehearsal.aws"]
