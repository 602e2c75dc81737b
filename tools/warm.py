"""Notebooks that start at once.

    python tools/warm.py serve SOCKET         # imports libraries once, then forks whenever asked
    python tools/warm.py kernel SOCKET FILE   # what Jupyter runs: asks for a kernel, ends with it
    python tools/warm.py papermill SOCKET ... # asks for a papermill, ends as it does

The pipeline has some sixty notebooks, each of which would import the same libraries for fifteen
seconds. What is forked is a copy of a process that has run nothing yet, so no notebook sees
anything of another."""
import json, os, pkgutil, signal, socket, subprocess, sys, tempfile, threading, time, traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

# The server

def become(asked:socket.socket) -> dict:
    "Take over streams, folder and environment of who asked; what it wants. Ends when it does"
    message, fds, *_ = socket.recv_fds(asked, 2**20, 2)
    want = json.loads(message)
    for at, fd in zip((1, 2), fds):
        os.dup2(fd, at)
    os.chdir(want['cwd'])
    os.environ.clear()
    os.environ.update(want['env'])
    os.environ.pop('JPY_PARENT_PID', None)  # the server is the parent; `watch` ends it instead
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def watch():
        asked.recv(1)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()
    return want

def be_kernel(argv:list) -> int:
    "Be a Jupyter kernel"
    from ipykernel.kernelapp import IPKernelApp
    IPKernelApp.launch_instance(argv=argv)
    return 0

def be_papermill(argv:list) -> int:
    "Be a papermill; its exit status"
    from papermill.__main__ import papermill as run
    try:
        run(argv, standalone_mode=False)
    except SystemExit as end:
        return int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

def serve(path:str):
    "Import this library and all it needs, then fork for each that connects to `path`"
    import ipykernel.kernelapp, matplotlib.pyplot, papermill.__main__, sketchnb
    for module in pkgutil.walk_packages(sketchnb.__path__, 'sketchnb.'):
        with suppress(Exception):  # whoever needs it will see why
            import_module(module.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f'{path}.new')
        server.listen()
        os.rename(f'{path}.new', path)  # whoever sees it can connect
        while True:
            asked, _ = server.accept()
            if os.fork() == 0:
                server.close()
                want = become(asked)
                status = dict(kernel=be_kernel, papermill=be_papermill)[want['role']](want['argv'])
                sys.stdout.flush()
                sys.stderr.flush()
                asked.sendall(bytes([status]))
                os._exit(status)
            asked.close()

# Who asks

def ask(path:str, role:str, argv:list) -> int:
    "Ask the server at the socket `path` for a kernel or a papermill; its exit status"
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        want = dict(role=role, argv=argv, cwd=os.getcwd(), env=dict(os.environ))
        socket.send_fds(server, [json.dumps(want).encode()], [1, 2])
        server.settimeout(1)
        # whoever wanted it may be killed; then nobody would end it
        while os.getppid() == parent:
            try:
                status = server.recv(1)
            except TimeoutError:
                continue
            return status[0] if status else 1
    return 1

def ask_kernel(path:str, file:str, *more:str) -> int:
    "Ask for the kernel of connection `file`"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter interrupts before it ends a kernel
    return ask(path, 'kernel', ['-f', file, *more])

def ask_papermill(path:str, *argv:str) -> int:
    "Ask for a papermill with arguments `argv`"
    return ask(path, 'papermill', [*argv])

# Who has both started

def install(folder:Path, path:Path):
    "In `folder`, a kernel python3 and a command papermill that ask the server at the socket `path`"
    ask = [sys.executable, '-S', '-E', str(Path(__file__).resolve())]
    spec = dict(
        argv=[*ask, 'kernel', str(path), '{connection_file}'],
        display_name='python3',
        language='python')
    (folder/'kernels/python3').mkdir(parents=True)
    (folder/'kernels/python3/kernel.json').write_text(json.dumps(spec))
    quoted = ' '.join(f"'{word}'" for word in [*ask, 'papermill', str(path)])
    (folder/'papermill').write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    (folder/'papermill').chmod(0o755)

@contextmanager
def warm(cwd:Path, env:dict, started:set|None=None) -> Iterator[dict]:
    "`env` in which notebooks of `cwd` start at once; the server's process group is in `started`"
    with tempfile.TemporaryDirectory(prefix='sketchnb-warm-') as folder:
        path = Path(folder)/'socket'
        install(Path(folder), path)
        cmd = [sys.executable, __file__, 'serve', str(path)]
        server = subprocess.Popen(cmd, cwd=cwd, env=env, start_new_session=True)
        started = set() if started is None else started
        started.add(server.pid)
        try:
            while not path.exists():
                if server.poll() is not None: raise RuntimeError('tools/warm.py ended, see above')
                time.sleep(.1)
            yield env | dict(JUPYTER_PATH=folder, PATH=f"{folder}{os.pathsep}{env['PATH']}")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)  # its kernels, too
            server.wait()
            started.discard(server.pid)

if __name__ == '__main__':
    roles = dict(serve=serve, kernel=ask_kernel, papermill=ask_papermill)
    sys.exit(roles[sys.argv[1]](*sys.argv[2:]))
