"""Build what "Try it here" runs into build/live: ``nox -s build -- live [--lock]``.

Downloads the runtime and the packages by exact hashes, with npm and uv as they are set
up on this machine, and leaves out what no page needs. The same inputs give the same
bytes. ``--lock`` compiles requirements.txt anew and downloads nothing else.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
sys.path.append(str(ROOT / "docs/_ext"))
from live import fingerprint  # noqa: E402

OUT = ROOT / "build/live"
LOCK = tomllib.loads((HERE / "lock.toml").read_text("utf-8"))
TARGET = ["--python-version", LOCK["packages"]["python"]]
TARGET += ["--python-platform", LOCK["packages"]["platform"]]
# Compiled, or in need of threads: runner.py stands in for them.
STAND_INS = ["greenlet", "asgiref"]


def lock():
    """Compile requirements.txt, with the versions that the project's tests run on."""
    command = [
        "uv",
        "pip",
        "compile",
        "-q",
        "requirements.in",
        "-o",
        "requirements.txt",
    ]
    command += ["-c", ROOT / "requirements.txt", "--generate-hashes", "--no-annotate"]
    for name in STAND_INS:
        command += ["--no-emit-package", name]
    environment = {"UV_CUSTOM_COMPILE_COMMAND": "nox -s build -- live --lock"}
    run([*command, *TARGET], cwd=HERE, extra=environment)


def run(command, cwd, extra=()):
    # The commands are the ones of this file.
    subprocess.run(command, cwd=cwd, check=True, env=os.environ | dict(extra))


def download_runtime(folder):
    """Return the npm package of Pyodide as ``{name: bytes}``."""
    locked = LOCK["pyodide"]
    package = f"pyodide@{locked['version']}"
    run(["npm", "pack", "--silent", "--ignore-scripts", package], folder)
    data = next(folder.glob("pyodide-*.tgz")).read_bytes()
    check(package, data, locked["integrity"])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [member for member in archive if member.isfile()]
        return {
            member.name.removeprefix("package/"): archive.extractfile(member).read()
            for member in members
        }


def check(name, data, integrity):
    """Refuse bytes with another hash than the locked one.

    :raises SystemExit: when they differ.
    """
    algorithm, _, wanted = integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    if found != wanted:
        sys.exit(f"live: {name} has the hash {found} and not the locked {wanted}")


def compiled(files, place, folder):
    """Replace sources by bytecode, which is smaller and imported sooner.

    :param files: ``{name: bytes}``; snippets and runner.py keep their sources.
    :param place: the folder that tracebacks name.
    :param folder: the unpacked npm package.
    """
    with TemporaryDirectory() as target:
        write(files, Path(target))
        run(["node", HERE / "compile.mjs", folder, target, place], ROOT)
        found = read(Path(target))
    return {name: data for name, data in found.items() if not name.endswith(".py")}


def download_packages(folder):
    """Return the files of the locked packages as ``{name: bytes}``."""
    command = ["uv", "pip", "install", "-q", "--target", folder, "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    run([*command, *TARGET, "-r", HERE / "requirements.txt"], ROOT)
    return read(folder)


def read(folder, pattern="*"):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob(pattern))
        if path.is_file() and "__pycache__" not in path.parts
    }


def write(files, folder):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def keep(files, left_out):
    return {
        name: data
        for name, data in files.items()
        if not any(fnmatch(name, pattern) for pattern in LOCK["leave_out"][left_out])
    }


def pack(files):
    """Zip files without compression, then compress all in one, always the same way."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return squeeze(buffer.getvalue())


def squeeze(data):
    """Compress here, as not every host compresses what it serves."""
    return gzip.compress(data, 9, mtime=0)


def licences(files):
    """The licence texts of the packages, and where the runtime's are."""
    locked = LOCK["pyodide"]
    parts = [f"Pyodide {locked['version']}: {locked['licence']}"]
    parts += ["CPython: PSF-2.0, the text is that of typing_extensions below"]
    parts += ["SQLite: in the public domain"]
    for name, data in sorted(files.items()):
        place = Path(name)
        if ".dist-info" in name and place.name.upper().startswith(
            ("LICENSE", "COPYING")
        ):
            text = data.decode("utf-8", "replace")
            parts.append(f"{place.parts[0].removesuffix('.dist-info')}\n\n{text}")
    return ("\n\n" + "-" * 72 + "\n\n").join(parts).encode()


def assemble(runtime, packages, folder):
    """What the site serves, as ``{name: bytes}``; names hold a hash of the content."""
    with zipfile.ZipFile(io.BytesIO(runtime["python_stdlib.zip"])) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        stdlib = {name: archive.read(name) for name in names}
    snippets = read(ROOT / "snippets", "*.py")
    stdlib = compiled(keep(stdlib, "stdlib"), "/lib/python314.zip", folder)
    site = compiled(keep(packages, "packages"), "/site", folder)
    site |= {f"snippets/{name}": data for name, data in snippets.items()}
    site["runner.py"] = (HERE / "runner.py").read_bytes()
    # Not .mjs: some hosts do not know that it is JavaScript.
    no_packages = json.loads(runtime["pyodide-lock.json"]) | {"packages": {}}
    run = {
        "pyodide-lock.json": json.dumps(no_packages).encode(),
        "pyodide.js": runtime["pyodide.mjs"],
        "pyodide.asm.js": runtime["pyodide.asm.mjs"],
        "page.js": (HERE / "page.js").read_bytes(),
        "worker.js": (HERE / "worker.js").read_bytes(),
        "pyodide.asm.wasm.bin": squeeze(runtime["pyodide.asm.wasm"]),
        "python_stdlib.zip.bin": pack(stdlib),
        "site.zip.bin": pack(site),
    }
    scripts = {
        name: (HERE / Path(name).name).read_bytes()
        for name in ["app/sw.js", "live.js", "live.css"]
    }
    prefix = "flask_admin/static/"
    static = {n.removeprefix(prefix): d for n, d in packages.items() if prefix in n}
    static = {f"static/{name}": data for name, data in keep(static, "static").items()}
    digest = hashlib.sha256()
    for name, data in sorted((run | scripts | static).items()):
        digest.update(name.encode() + data)
    version = digest.hexdigest()[:8]
    # Hosts compress the scripts; the rest already is.
    size = sum(
        len(d) if n.endswith(".bin") else len(squeeze(d)) for n, d in run.items()
    )
    manifest = {"version": version, "bytes": size}
    # By this docs/_ext/live.py knows whether they changed since.
    manifest["snippets"] = fingerprint()
    tops = {Path(name).parts[0].removesuffix(".py") for name in packages}
    manifest["packages"] = sorted(filter(str.isidentifier, tops))
    return {
        "manifest.json": json.dumps(manifest).encode(),
        "LICENCES.txt": licences(packages),
        **scripts,
        **{f"{version}/{name}": data for name, data in run.items()},
        **static,
    }


def main():
    if "--lock" in sys.argv[1:]:
        return lock()
    try:
        with TemporaryDirectory() as folder:
            runtime = download_runtime(Path(folder))
            packages = download_packages(Path(folder, "packages"))
            write(runtime, Path(folder, "runtime"))
            files = assemble(runtime, packages, Path(folder, "runtime"))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"live: not built, so pages will have no button: {error}")
    shutil.rmtree(OUT, ignore_errors=True)
    write(files, OUT)
    manifest = json.loads(files["manifest.json"])
    print(f"live: {manifest['bytes'] / 1e6:.1f} MB on click, in {OUT}")


if __name__ == "__main__":
    main()
