FROM python:3.11-slim AS builder
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/whisper
COPY Makefile pyproject.toml constraints.txt ./
# An editable install needs the folders' names only, so the code is copied later: a change of it reinstalls
# nothing. It stays editable because the server reads alembic.ini, migrations/, client/ and web/ beside app/.
RUN touch README.md LICENSE \
 && python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["tool"]["setuptools"]["packages"])' \
    | tr . / | xargs mkdir -p \
 && make install EXTRAS=redis,tracing

FROM python:3.11-slim
# A fixed uid, so that a volume's files keep their owner from one image to the next.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin whisper \
 && install --directory --owner=whisper --group=whisper --mode=0700 /var/lib/whisper
WORKDIR /srv/whisper
ENV PATH=/srv/whisper/.venv/bin:$PATH \
    WHISPER_HOST=0.0.0.0
COPY --from=builder /srv/whisper/.venv .venv
COPY LICENSE alembic.ini ./
COPY migrations migrations
COPY app app
COPY client client
COPY web web
USER 10001
EXPOSE 8000
# /livez, not /readyz: a new container does not repair a database.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["whisper", "serve"]
