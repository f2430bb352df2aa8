uvx --from "nox[uv]" nox -s docs
