# syntax=docker/dockerfile:1
# The gateway's server. Build: docker build -t purpose-gateway .
# Run: docker run --read-only -v ./gateway.toml:/etc/gateway/gateway.toml:ro -v gateway-state:/var/lib/gateway \
#          -p 8443:8443 purpose-gateway

FROM python:3.13.9-slim-trixie AS wheel
WORKDIR /src
COPY requirements/build.txt requirements/build.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY gateway gateway
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.13.9-slim-trixie AS environment
RUN python -m venv /opt/gateway
COPY requirements/server.txt /tmp/server.txt
RUN /opt/gateway/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/server.txt
COPY --from=wheel /wheels /wheels
RUN /opt/gateway/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && /opt/gateway/bin/python -m compileall -q /opt/gateway/lib

FROM python:3.13.9-slim-trixie AS server
RUN groupadd --system --gid 10001 gateway \
    && useradd --system --uid 10001 --gid gateway --home-dir /var/lib/gateway --shell /usr/sbin/nologin gateway \
    && install --directory --owner gateway --group gateway --mode 0700 /var/lib/gateway
COPY --from=environment /opt/gateway /opt/gateway
COPY policies /etc/gateway/policies
# The root may be read-only: state, keys and temporary files all live on the volume, and no bytecode is written.
ENV PATH=/opt/gateway/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RUST_LIB_BACKTRACE=0 \
    HOME=/var/lib/gateway \
    TMPDIR=/var/lib/gateway
WORKDIR /var/lib/gateway
VOLUME /var/lib/gateway
USER 10001:10001
EXPOSE 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["gateway", "health", "--config", "/etc/gateway/gateway.toml"]
ENTRYPOINT ["gateway", "serve", "--config", "/etc/gateway/gateway.toml"]
