# Two images on one base, the same lock as the local stack: the product, which every service of docker-compose.yaml but
# one runs, and the sandbox, which is no part of it.
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS base

ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/opt/tradeops \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/tradeops/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/tradeops/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false

WORKDIR /opt/tradeops
COPY requirements-bootstrap.txt requirements.txt ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-bootstrap.txt \
    && uv pip sync --system --no-cache --compile-bytecode --require-hashes requirements.txt

RUN useradd --uid 50000 --create-home airflow \
    && install -d -o airflow -g airflow /opt/airflow /opt/airflow/logs /opt/airflow/archive \
        /opt/airflow/exports /opt/airflow/reports /opt/airflow/backups

FROM base AS sandbox
COPY sandbox sandbox
USER airflow

FROM base AS product
COPY airflow_settings.yaml ./
COPY docs docs
COPY sql sql
COPY plugins plugins
COPY dags dags
COPY include include
USER airflow
