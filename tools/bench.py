"""How much faster the features are than computing everything for every draw. Ratios, in one run, side by side.

    python tools/bench.py [--size 256] [--draws 6] [--repeats 3] [--images 1]

A Stable Diffusion 1.x of full size with random weights (they cost what trained ones cost). The reference sends a picture through the VAE and the
whole UNet for each draw of noise. Ways take turns, the median of their times counts; that they agree is checked first. The student is untrained
here, as fast as a trained one; what it loses is read from the metrics of the small world."""
import argparse, statistics, time
from pathlib import Path

import numpy as np, torch

from sketchnb.backbones.diffusion import features, full_size, noise
from sketchnb.core import device, seed_everything
from sketchnb.methods.matchmaker import Matchmaker
from sketchnb.methods.student import Student
from sketchnb.retrieval.tables import cell, read_metrics

METRICS = Path(__file__).resolve().parent.parent/'metrics/differences.json'

@torch.no_grad()
def everything(sd, images, context, level:int, draws:int, t:int=273) -> np.ndarray:
    "The reference: VAE and whole UNet for every draw, averaged maps max-pooled"
    tot,got = 0.,{}
    hook = sd.unet.up_blocks[level-1].register_forward_hook(lambda m,a,out: got.update(m=out))
    for d in range(draws):
        z = sd.encode(sd.pixels(images))
        z_t = sd.noisy(z, noise(z.shape[1:], 0, d)[None].to(z), t)
        sd.unet(z_t, t, encoder_hidden_states=context.expand(len(z), -1, -1))
        tot = tot + got['m']/draws
    hook.remove()
    return tot.amax((2,3)).cpu().numpy()

def lost(path=METRICS) -> str:
    "What a student's mAP@all differs from its teacher's by, for each tier"
    d = read_metrics(path)
    d = d[(d.metric=='Δ mAP@all') & d.row.str.contains('one pass − Matchmaker', regex=False)]
    return ', '.join(f'{r.tier} {cell(r.value, r.low, r.high, signed=True)}' for r in d.itertuples()) or 'not measured'

def timed(f) -> float:
    began = time.perf_counter(); f()
    if torch.cuda.is_available(): torch.cuda.synchronize()
    return time.perf_counter()-began

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name,default in dict(size=256, draws=6, repeats=3, images=1).items(): p.add_argument(f'--{name}', type=int, default=default)
    a = p.parse_args()
    seed_everything(0)
    sd,images = full_size(a.size),np.random.default_rng(0).integers(0, 256, (a.images,a.size,a.size,3), dtype=np.uint8)
    context = torch.randn(1, 77, 768).to(device())
    ours = lambda level: features(sd, images, levels=level, draws=a.draws, text=context, batch=a.draws*a.images)[level]
    teacher = Matchmaker(sd, (2,), draws=a.draws, text=context[0], batch=a.draws*a.images)
    student = Student(teacher).merged()
    ways = {'VAE and whole UNet for every draw': lambda: everything(sd, images, context, 2, a.draws),
            'features, level 2': lambda: ours(2), 'features, level 1': lambda: ours(1),
            'Matchmaker, level 2': lambda: teacher.embed(images, 'photo'), 'its one-pass student': lambda: student.embed(images, 'photo')}
    for level in (1,2):
        want = everything(sd, images, context, level, a.draws)
        print(f'level {level}: largest relative difference {np.abs(ours(level)-want).max()/np.abs(want).max():.1e}')
    took = {n: [] for n in ways}
    for _ in range(a.repeats):
        for n,f in ways.items(): took[n].append(timed(f))
    base = statistics.median(took['VAE and whole UNet for every draw'])
    print(f'{a.images} picture(s) of {a.size} px, {a.draws} draws, {device()}, {torch.get_num_threads()} threads')
    for n,t in took.items(): print(f'{n:36} {statistics.median(t):8.2f} s   x{base/statistics.median(t):.2f}   [{min(t):.2f}, {max(t):.2f}]')
    mid = {n: statistics.median(t) for n,t in took.items()}
    print(f"the student is x{mid['Matchmaker, level 2']/mid['its one-pass student']:.1f} as fast as its teacher; its mAP@all less the teacher's: {lost()}")

if __name__ == '__main__': main()
