"""Kernels that start at once.

    python tools/warm.py serve SOCKET       # imports libraries once, forks a kernel whenever asked
    python tools/warm.py start SOCKET FILE  # what Jupyter runs: asks for a kernel, ends with it

The smoke run has some sixty notebooks, each of which would import the same libraries for seconds.
A kernel is a copy of a process that has run nothing yet, so no notebook sees anything of
another."""
import json, os, pkgutil, signal, socket, sys, threading
from importlib import import_module
from pathlib import Path


def kernel(asked:socket.socket):
    "Become the kernel that `asked` describes; ends when the other side does"
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
    from ipykernel.kernelapp import IPKernelApp
    IPKernelApp.launch_instance(argv=want['argv'])
    os._exit(0)


def serve(path:str):
    "Import this library and all it needs, then fork a kernel for each that connects to `path`"
    import ipykernel.kernelapp, matplotlib.pyplot, sketchnb
    for module in pkgutil.walk_packages(sketchnb.__path__, 'sketchnb.'):
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
                kernel(asked)
            asked.close()


def start(path:str, file:str, *more:str):
    """Ask the server at the socket `path` for the kernel of connection `file`.

    Returns when that has ended"""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter interrupts before it ends a kernel
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        want = dict(argv=['-f', file, *more], cwd=os.getcwd(), env=dict(os.environ))
        socket.send_fds(server, [json.dumps(want).encode()], [1, 2])
        server.settimeout(1)
        # whoever wanted the kernel may be killed; then nobody would end it
        while os.getppid() == parent:
            try:
                ended = not server.recv(1)
            except TimeoutError:
                continue
            if ended: return


def kernelspec(folder:Path, path:Path):
    """Have Jupyter start the kernel python3 from the server at the socket `path`.

    It must be told of `folder` by JUPYTER_PATH"""
    ask = [str(Path(__file__).resolve()), 'start', str(path), '{connection_file}']
    spec = dict(
        argv=[sys.executable, '-S', '-E', *ask],
        display_name='python3',
        language='python')
    (folder/'kernels/python3').mkdir(parents=True)
    (folder/'kernels/python3/kernel.json').write_text(json.dumps(spec))


if __name__ == '__main__':
    dict(serve=serve, start=start)[sys.argv[1]](*sys.argv[2:])
