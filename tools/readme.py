"""README.md from nbs/index.ipynb: what is hidden goes, directives go, outputs stay.

    python tools/readme.py            write README.md and its pictures (index_files/)
    python tools/readme.py --check    only compare; exit status 1 if they are stale

It does what `nbdev_readme` does, without needing quarto."""
import base64, re, shutil, sys
from pathlib import Path

from nbdev.process import NBProcessor

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK, README, FIGURES = ROOT/'nbs/index.ipynb', ROOT/'README.md', ROOT/'index_files'

def output(o, figures:dict) -> str:
    "Markdown of one stored output; a picture is added to `figures`, {file name: bytes}"
    data = o.get('data', {})
    if 'image/png' in data:
        name = f'{len(figures)+1}.png'
        figures[name] = base64.b64decode(''.join(data['image/png']))
        return f'![]({FIGURES.name}/{name})'
    if 'text/markdown' in data: return ''.join(data['text/markdown'])
    text = ''.join(data.get('text/plain', o.get('text', '')))
    return '\n'.join(f'    {line}'.rstrip() for line in text.rstrip().splitlines())

def render(path:Path) -> tuple[str, dict]:
    "Markdown of the notebook at `path` and its pictures"
    parts, figures = [], {}
    for c in NBProcessor(path, process=True, rm_directives=False).nb.cells:
        d = getattr(c, 'directives_', None) or {}
        if 'hide' in d or d.get('include:') == ['false']: continue
        src = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M).strip()
        if c.cell_type != 'code': parts.append(src)
        else:
            if src and d.get('echo:') != ['false'] and 'hide_input' not in d: parts.append(f'```python\n{src}\n```')
            if 'hide_output' not in d: parts += [output(o, figures) for o in c.get('outputs', [])]
    return '\n\n'.join(p for p in parts if p.strip())+'\n', figures

def stale(text:str, figures:dict) -> list[str]:
    "Names of the files that differ from what the notebook says"
    out = [] if README.exists() and README.read_text() == text else [README.name]
    there = {p.name: p.read_bytes() for p in FIGURES.iterdir()} if FIGURES.exists() else {}
    return out + [f'{FIGURES.name}/{n}' for n in sorted({*there, *figures}) if there.get(n) != figures.get(n)]

def write(text:str, figures:dict):
    "Write README and pictures"
    shutil.rmtree(FIGURES, ignore_errors=True)
    if figures: FIGURES.mkdir()
    for n, b in figures.items(): (FIGURES/n).write_bytes(b)
    README.write_text(text)

if __name__ == '__main__':
    if not NOTEBOOK.exists(): sys.exit(f'{NOTEBOOK} is missing: README.md is made from it')
    made = render(NOTEBOOK)
    if '--check' not in sys.argv: write(*made)
    elif names := stale(*made): sys.exit(f"stale: {', '.join(names)}; run `python tools/readme.py`")
