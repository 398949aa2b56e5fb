# syntax=docker/dockerfile:1
# Two images: `docker build .` (or --target cpu) and `docker build --target gpu .`. Their last stages differ in FROM and COPY alone.
# docs/deployment.md says how to run them with a read-only root filesystem.

ARG NODE_IMAGE=node:26.10.0-trixie-slim
# ONNX Runtime 1.30's CUDA provider: CUDA 12 and cuDNN 9.
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs its install script: native ones ship prebuilt, and Node is the image's.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json nest-cli.json ./
COPY src src
RUN node node_modules/@nestjs/cli/bin/nest.js build

FROM ${NODE_IMAGE} AS production
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force \
 # npm keeps it as an optional peer of @nestjs/swagger, whose compiler plugin is not used.
 && rm -rf node_modules/typescript node_modules/.bin/tsc node_modules/.bin/tsserver \
 # ONNX Runtime ships every system in one package: keep this one's.
 && find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 ! -name linux -exec rm -rf {} + \
 && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 ! -name "$(node --print process.arch)" -exec rm -rf {} +
COPY scripts/sbom.mjs scripts/
RUN node scripts/sbom.mjs sbom.cdx.json && rm -r scripts
COPY --from=build /app/dist dist
COPY models models

FROM production AS production-gpu
# The CUDA and TensorRT providers come from NuGet: they are too large for npm. TensorRT itself (libnvinfer) is not in CUDA_IMAGE: for
# `provider: tensorrt` build with one that has it.
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js

FROM ${CUDA_IMAGE} AS cuda
# Node is linked against it, and Node's own image has it.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libatomic1 && rm -rf /var/lib/apt/lists/*

FROM cuda AS gpu
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=production-gpu /app /app
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Nestor" \
      org.opencontainers.image.description="Serves ONNX models over REST and gRPC" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 GRPC_PORT=8001 MODEL_REPOSITORY=/app/models CACHE_DIR=/var/cache/nestor PREPARED_DIR=/app/prepared
# As npm start has it: docs/memory.md says why.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=67108864
RUN install -d -o 10001 -g 10001 /var/cache/nestor
WORKDIR /app
USER 10001:10001
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 \
  CMD ["node", "--eval", "const { PORT: port, TLS_CERT_FILE: tls } = process.env; require(tls ? 'https' : 'http').get({ host: '127.0.0.1', port, path: '/health/ready', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]

FROM production AS production-cpu
# Into /app/prepared, which is PREPARED_DIR: a volume at CACHE_DIR does not hide it. A GPU loads models as they are.
RUN CACHE_DIR=/app node dist/prepare-models.js

FROM ${NODE_IMAGE} AS cpu
COPY --from=production-cpu /app /app
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Nestor" \
      org.opencontainers.image.description="Serves ONNX models over REST and gRPC" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 GRPC_PORT=8001 MODEL_REPOSITORY=/app/models CACHE_DIR=/var/cache/nestor PREPARED_DIR=/app/prepared
# As npm start has it: docs/memory.md says why.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=67108864
RUN install -d -o 10001 -g 10001 /var/cache/nestor
WORKDIR /app
USER 10001:10001
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 \
  CMD ["node", "--eval", "const { PORT: port, TLS_CERT_FILE: tls } = process.env; require(tls ? 'https' : 'http').get({ host: '127.0.0.1', port, path: '/health/ready', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
