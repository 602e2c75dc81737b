"""Commands that run elsewhere: their environment, their output, their end."""
import os, shutil, signal, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DVC = [sys.executable, '-m', 'dvc']
RUNNING = set()  # process groups, for `end_at_signal`
COPIES = set()  # folders, for the same

class Failed(Exception):
    "A check or a command found something wrong"

def environment(root:Path=ROOT, threads:int=2) -> dict:
    "Of a process that works in `root`: its library, these commands, no network, fixed threads"
    own = dict(
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        PYTHONPATH=str(root),
        OMP_NUM_THREADS=str(threads),
        PYTHONHASHSEED='0',
        SKETCHNB_CACHE=str(root/'build/cache'),
        HF_HUB_OFFLINE='1',
        TRANSFORMERS_OFFLINE='1',
        HF_HUB_DISABLE_TELEMETRY='1',
        TOKENIZERS_PARALLELISM='false',
        DVC_NO_ANALYTICS='1')
    return os.environ | own

def kill(process:subprocess.Popen) -> str:
    "End `process` and all it started; what it had said"
    os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=30)[0]
    except subprocess.TimeoutExpired:
        return ''  # something that it started, in a group of its own, still holds the pipe

def run(
    cmd:list,
    cwd:Path,
    limit:float|None,  # seconds
    env:dict,
    shown:bool=False,  # let its output be seen, don't return it
) -> str:
    "Output of `cmd`; `Failed` with its end if it doesn't succeed in `limit`, when it is ended"
    kept = dict(stdout=None if shown else subprocess.PIPE, stderr=subprocess.STDOUT)
    process = subprocess.Popen(cmd, cwd=cwd, env=env, start_new_session=True, text=True,
                               errors='replace', stdin=subprocess.DEVNULL, **kept)
    RUNNING.add(process.pid)
    try:
        out = process.communicate(timeout=limit)[0] or ''
        why = f'exit status {process.returncode}'
    except subprocess.TimeoutExpired:
        out = kill(process)
        why = f'not done after {limit:.0f} s'
    finally:
        RUNNING.discard(process.pid)
    if process.returncode: raise Failed(f"{' '.join(map(str, cmd))}: {why}\n{tail(out)}")
    return out

def end_at_signal():
    "From now on an interruption ends what was started, too, and removes the temporary copy"
    def end(number, _):
        for group in list(RUNNING):
            os.killpg(group, signal.SIGKILL)
        for folder in COPIES:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(128+number)
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, end)

def tail(text:str, n:int=40) -> str:
    "The last `n` lines, of each what a terminal would show"
    lines = text.split('\n')[-n:]
    return '\n'.join(line.rstrip('\r').rsplit('\r', 1)[-1] for line in lines).rstrip()
