# The benchmark on a CPU. The steps are those of `make install`, with the same pinned packages.
#     docker build --tag salmubench .
#     docker run --rm --volume "$PWD/runs:/runs" salmubench run --recipe tiny --out /runs/tiny
# It makes a committed record again, and compares it digit by digit:
#     docker run --rm --volume "$PWD/runs:/runs" --entrypoint python salmubench scripts/recreate.py \
#         results/mini/records/cliperase-5x.json --out /runs/again
FROM python:3.11-slim-bookworm

# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY Makefile pyproject.toml hatch_build.py constraints.txt README.md LICENSE ./
COPY src ./src
COPY scripts/recreate.py ./scripts/recreate.py
COPY results/mini ./results/mini
# A further index, e.g. one with torch for CPUs alone, which is much smaller: --build-arg PIP_EXTRA_INDEX_URL=https://…
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1
RUN make install

RUN useradd --create-home --uid 1000 salmubench && mkdir /runs && chown 1000 /runs
USER 1000
ENV PATH=/app/.venv/bin:$PATH
ENTRYPOINT ["salmubench"]
CMD ["--help"]
