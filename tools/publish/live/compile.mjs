// Compile a folder to bytecode with the Python that will run it, for build.py.
// Arguments: the folder of the runtime, the folder, the place it will have.
import { pathToFileURL } from "node:url";

const [runtime, folder, place] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL: runtime, env: { PYTHONNODEBUGRANGES: "1" } });
pyodide.FS.mkdir("/folder");
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: folder }, "/folder");
pyodide.globals.set("place", place);
// Without docstrings, which are half of it.
const done = pyodide.runPython(`
import compileall, py_compile
compileall.compile_dir(
    "/folder", ddir=place, quiet=1, legacy=True, optimize=2, maxlevels=20,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)`);
process.exit(done ? 0 : 1);
