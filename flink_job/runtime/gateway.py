"""The JVM of this process: started in the background, gone when the process is, and tidied up.

PyFlink would start it at its first use and wait. Here it starts while Python still imports and
looks at what the run needs.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from pyflink import java_gateway, pyflink_gateway_server

from flink_job.runtime.class_archive import archive_options
from flink_job.runtime.class_path import flink_class_path
from flink_job.runtime.deploy import deploy_folder
from flink_job.runtime.java import java_home
from flink_job.runtime.jvm_end import how_it_ended
from flink_job.runtime.jvm_threads import pair_threads
from flink_job.runtime.warming import warm_interpreter
from operators.base.errors import JobError
from operators.flink.beam import leave_out

_MAIN: Final = "org.apache.flink.client.python.PythonGatewayServer"
_POLL_S: Final = 0.01
_END_WITHIN_S: Final = 10.0  # a JVM whose connections are gone is gone soon, or it was not that
# The best code costs more than it wins in a JVM that does little, or not for long, and takes the
# cores from what starts beside.
_PLAIN_CODE: Final = "-XX:TieredStopAtLevel=1"
_DOING_LITTLE: Final = ("upsert", "submit")
_PORT: Final = struct.Struct("!I")

# The JVM is the child of a shell that outlives us: it ends the JVM when the pipe from us ends,
# however that comes about, and removes the temporary files when the JVM is gone. We could not if
# we are killed, and the JVM could not while it still runs; a next start may never come. A JVM
# that has run a job gets the time to write its class archive. Neither heeds TERM, which systemd
# sends to every process of a service: the JVM is needed for the savepoint. We end it by HUP.
_KEEPER: Final = """
trap '' TERM
exec 3<&0
folder=$1
shift
"$@" </dev/null 3<&- &
jvm=$!
(
  cat
  if [ -e "$folder/ran" ]; then
    kill -HUP $jvm
    left=120
    while [ $left -gt 0 ] && kill -0 $jvm; do sleep 1; left=$((left - 1)); done
  fi
  kill -KILL $jvm
) <&3 3<&- >/dev/null 2>&1 &
watcher=$!
wait $jvm
ended=$?
rm -rf "$folder"
kill -KILL $watcher 2>/dev/null
exit $ended
"""


@dataclass
class _Jvm:
    """The JVM; `error` is why it could not be started, `keeper` ends as it does.

    What it writes on its own goes to a file, behind what those before it wrote.
    """

    connectors: Sequence[Path]
    thread: threading.Thread | None = None
    error: Exception | None = None
    class_path: list[Path] = field(default_factory=list)
    keeper: subprocess.Popen[bytes] | None = None
    output: Path | None = None
    said_before: int = 0

    def said(self) -> str:
        """What it has written on its own."""
        assert self.output is not None
        return self.output.read_bytes()[self.said_before :].decode(errors="replace")


_lock: Final = threading.Lock()
_ending: Final = threading.Event()
_started: list[_Jvm] = []  # one at most: a process has one JVM


def begin(
    logs: Path, connectors: Sequence[Path] = (), name: str = "segment", *, brief: bool = False
) -> None:
    """Begin to start the JVM, if none is: its log goes to `logs`.

    JVMs of one `name` load about the same classes; a `brief` one is over soon. Thread mode finds
    its bridge through `python` on PATH, so this Python's folder must come first there.
    """
    with _lock:
        if _started:
            return
        leave_out()
        os.environ["JAVA_HOME"] = str(java_home(os.environ))
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        os.environ["FLINK_LOG_DIR"] = str(logs)
        os.environ["FLINK_IDENT_STRING"] = "flockwise"
        os.environ["LOG4J_PROPERTIES"] = str(deploy_folder() / "flink" / "log4j.properties")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
        # The JVM uses SIGSEGV for its own ends; Python's fault handler inside it would end it.
        os.environ.pop("PYTHONFAULTHANDLER", None)
        temporary_folder()  # made, and its end seen to, in this thread
        jvm = _Jvm(connectors)
        jvm.thread = threading.Thread(target=_start, args=(jvm, logs, name, brief), daemon=True)
        jvm.thread.start()
        _started.append(jvm)


def wait() -> None:
    """Wait for the JVM that `begin` began to start.

    Raises:
        JobError: it ended before it was up.
    """
    (jvm,) = _started
    assert jvm.thread is not None
    jvm.thread.join()
    if jvm.error is not None:
        raise JobError(f"Java could not be started: {jvm.error}") from jvm.error


def class_path() -> list[Path]:
    """The jars that all classes in the JVM see."""
    return _started[0].class_path if _started else []


def ended() -> str | None:
    """How the JVM has ended, None if it is still there; to be asked once it does not answer."""
    for jvm in _started:
        if jvm.keeper is not None and jvm.error is None:
            with suppress(subprocess.TimeoutExpired):
                return how_it_ended(jvm.keeper.wait(_END_WITHIN_S), jvm.said())
    return None


def ran() -> None:
    """Note that a job has run: what was loaded for it is worth an archive."""
    (temporary_folder() / "ran").touch()


@cache
def temporary_folder() -> Path:
    """The folder of this process's temporary files, and of its JVM's; it goes with them."""
    folder = Path(tempfile.mkdtemp(prefix="flockwise-"))
    atexit.register(_tidy, folder)
    return folder


def _tidy(folder: Path) -> None:
    """Remove the folder where there is no JVM yet, whose keeper would; none is started then."""
    with _lock:
        _ending.set()
        if not any(jvm.keeper for jvm in _started):
            shutil.rmtree(folder, ignore_errors=True)


def _start(jvm: _Jvm, logs: Path, name: str, brief: bool) -> None:
    folder = temporary_folder()
    try:
        logs.mkdir(parents=True, exist_ok=True)
        environ = {**os.environ, "TMPDIR": str(folder)}
        address = folder / "gateway" / "port"
        address.parent.mkdir()
        environ["_PYFLINK_CONN_INFO_PATH"] = str(address)
        pyflink_gateway_server.prepare_environment_variables(environ)
        jvm.class_path = flink_class_path(jvm.connectors, environ)
        command = _command(jvm.class_path, name, folder, environ, brief=brief)
        jvm.output = logs / "jvm.out"
        with jvm.output.open("ab") as out, _lock:
            jvm.said_before = out.tell()
            if _ending.is_set():
                return
            jvm.keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "flockwise-jvm", str(folder), *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=environ,
                start_new_session=True,  # Ctrl-C is for us, not for it
            )
        _connect(jvm, jvm.keeper, address)
    except Exception as error:
        jvm.error = error


def _command(
    class_path: Sequence[Path], name: str, folder: Path, environ: dict[str, str], *, brief: bool
) -> list[str]:
    hadoop = pyflink_gateway_server.construct_hadoop_classpath(environ).split(os.pathsep)
    entries = [*map(str, class_path), *filter(None, hadoop)]
    return [
        pyflink_gateway_server.find_java_executable(),
        *environ.get("JVM_ARGS", "").split(),
        "-XX:+IgnoreUnrecognizedVMOptions",
        "-XX:+ExitOnOutOfMemoryError",  # what is left of a JVM then does half of its work
        "--add-opens=jdk.proxy2/jdk.proxy2=ALL-UNNAMED",
        *pyflink_gateway_server.get_jvm_opts(environ),
        *([_PLAIN_CODE] if brief or name in _DOING_LITTLE else ()),
        *archive_options(name, Path(environ["JAVA_HOME"]), list(map(Path, entries)), environ),
        f"-Djava.io.tmpdir={folder}",
        *pyflink_gateway_server.construct_log_settings(environ),
        *("-cp", os.pathsep.join(entries)),
        _MAIN,
    ]


def _connect(jvm: _Jvm, keeper: subprocess.Popen[bytes], address: Path) -> None:
    """Wait for the JVM and become its peer, within the ten seconds that it waits for one.

    Raises:
        JobError: it ended.
    """
    while not address.is_file():
        if keeper.poll() is not None:
            said = jvm.said().strip().splitlines()
            raise JobError(said[-1] if said else "it ended, and said nothing")
        time.sleep(_POLL_S)
    (port,) = _PORT.unpack_from(address.read_bytes())
    os.environ["PYFLINK_GATEWAY_PORT"] = str(port)
    try:
        pair_threads(java_gateway.get_gateway()._gateway_client)
    finally:
        del os.environ["PYFLINK_GATEWAY_PORT"]  # a process that we start has a JVM of its own
    threading.Thread(target=warm_interpreter, daemon=True).start()
