"""Render SketchWorld into the folder that params.yaml names: `data.root`, by the recipe `world`.

    python tools/world.py

The stored world comes with the repository (data.dvc). This makes one again: at smoke size, or after
a change of the recipe, when `dvc add data` and `dvc push` store it."""
from sketchnb.config import load_params
from sketchnb.data.world import build_world

if __name__ == '__main__':
    params = load_params()
    build_world(params.data.root, params.world)
    print(params.data.root)
