"""How much faster the features are than computing everything for every draw, side by side.

    python tools/bench.py [--size 256] [--draws 6] [--repeats 3] [--images 1]

A Stable Diffusion 1.x of full size with random weights (they cost what trained ones cost). The
reference sends a picture through the VAE and the whole UNet for each draw of noise. Ways take
turns, the median of their times counts; that they agree is checked first. The student is untrained
here, as fast as a trained one; what it loses is read from the metrics of the small world."""
import argparse, statistics, time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from sketchnb.backbones.diffusion import features, full_size, noise
from sketchnb.core import device, seed_everything
from sketchnb.methods.matchmaker import Matchmaker
from sketchnb.methods.student import Student
from sketchnb.retrieval.rows import Row, read_metrics
from sketchnb.retrieval.tables import cell

METRICS = Path(__file__).resolve().parent.parent/'metrics/tasks/differences.json'
REFERENCE = 'VAE and whole UNet for every draw'
TEACHER = 'Matchmaker, level 2'
STUDENT = 'its one-pass student'
OPTIONS = dict(size=256, draws=6, repeats=3, images=1)

# The ways

class Task:
    "A full-size model, pictures and words, and how many draws of noise each way has to average"
    def __init__(self, size:int, draws:int, images:int):
        self.sd = full_size(size)
        shape = (images, size, size, 3)
        self.images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        self.context = torch.randn(1, 77, 768).to(device())
        self.draws = draws
        self.batch = draws*images

    @torch.no_grad()
    def everything(self, level:int, t:int=273) -> np.ndarray:
        "The reference: VAE and whole UNet for every draw, averaged maps max-pooled: (n,channels)"
        sd = self.sd
        total = 0.
        seen = {}
        def keep(module, given, out):
            seen['map'] = out
        hook = sd.unet.up_blocks[level-1].register_forward_hook(keep)
        for i in range(self.draws):
            clean = sd.encode(sd.pixels(self.images))
            noisy = sd.noisy(clean, noise(clean.shape[1:], 0, i)[None].to(clean), t)
            words = self.context.expand(len(clean), -1, -1)
            sd.unet(noisy, t, encoder_hidden_states=words)
            total = total + seen['map']/self.draws
        hook.remove()
        return total.amax((2,3)).cpu().numpy()

    def features(self, level:int) -> np.ndarray:
        "The same by the library: (n,channels)"
        given = dict(draws=self.draws, text=self.context, batch=self.batch)
        return features(self.sd, self.images, levels=level, **given)[level]

    def ways(self) -> dict[str, Callable]:
        "What is timed, by name"
        given = dict(draws=self.draws, text=self.context[0], batch=self.batch)
        teacher = Matchmaker(self.sd, (2,), **given)
        student = Student(teacher).merged()
        return {
            REFERENCE: lambda: self.everything(2),
            'features, level 2': lambda: self.features(2),
            'features, level 1': lambda: self.features(1),
            TEACHER: lambda: teacher.embed(self.images, 'photo'),
            STUDENT: lambda: student.embed(self.images, 'photo'),
        }

# Their times

def timed(way:Callable) -> float:
    "Seconds that it takes"
    began = time.perf_counter()
    way()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()-began

def take_turns(ways:dict[str, Callable], repeats:int) -> dict[str, list]:
    "Seconds of each of `repeats` turns of each way"
    took = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            took[name].append(timed(way))
    return took

def lost(path:Path=METRICS) -> str:
    "What a student's mAP@all differs from its teacher's by, for each tier"
    student = Row('Matchmaker in one pass', 'sketch')
    teacher = Row('Matchmaker', 'sketch')
    table = read_metrics(path)
    lines = table[(table.row == student) & (table.against == teacher)].itertuples()
    tiers = [f'{line.tier} {cell(line.value, line.low, line.high, signed=True)}' for line in lines]
    return ', '.join(tiers) or 'not measured'

def show_agreement(task:Task):
    "Print how far the features are from the reference's"
    for level in (1,2):
        want = task.everything(level)
        off = np.abs(task.features(level)-want).max()/np.abs(want).max()
        print(f'level {level}: largest relative difference {off:.1e}')

def show_times(took:dict[str, list]):
    "Print a line for each way, and what the student gains and loses"
    middle = {name: statistics.median(t) for name, t in took.items()}
    for name, t in took.items():
        ratio = f'x{middle[REFERENCE]/middle[name]:.2f}'
        print(f'{name:36} {middle[name]:8.2f} s   {ratio}   [{min(t):.2f}, {max(t):.2f}]')
    gain = middle[TEACHER]/middle[STUDENT]
    print(f"the student is x{gain:.1f} as fast as its teacher; "
          f"its mAP@all less the teacher's: {lost()}")

def main():
    "From the command line"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in OPTIONS.items():
        parser.add_argument(f'--{name}', type=int, default=default)
    args = parser.parse_args()
    seed_everything(0)
    task = Task(args.size, args.draws, args.images)
    ways = task.ways()
    show_agreement(task)
    took = take_turns(ways, args.repeats)
    threads = f'{device()}, {torch.get_num_threads()} threads'
    print(f'{args.images} picture(s) of {args.size} px, {args.draws} draws, {threads}')
    show_times(took)

if __name__ == '__main__':
    main()
