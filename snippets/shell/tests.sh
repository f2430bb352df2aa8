uvx --from "nox[uv]" nox -s tests
