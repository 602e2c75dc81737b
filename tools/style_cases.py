"""For each rule of tools/style_rules.py, code that breaks it and no other, and code that keeps all.

Cells of a notebook begin with a directive, #|; what doesn't is a module."""

WIDE = '"' + 100*'-' + '"'
BREAK = {
    'columns': ['x = ' + WIDE, 'def f():\n    ' + WIDE, 'TABLE = f(\n' + WIDE + ')', '# ' + WIDE],
    'semicolon': ['x = 1; x = 2', 'x = 1;'],
    'tuple': ['i, n = 1, x', 'i, n, x = 1, 2, 3', 'x.a, x.b = f()', 'i, n = f(1), g(1)', 'x.a, x.b = x.b, x.a'],
    'one-line': ['for i in x: f(i)', 'with x: pass', 'def f(): return 1', 'class A: pass', 'if x: f()',
                 'if x: return\nelse: f()', 'try: f()\nfinally:\n    g()', 'if x:\n    pass\nelse: return'],
    'name': ['d = 1', 'for i, d in x:\n    pass', 'x = [f(d) for d in x]', 'x = f(lambda d: 1)', 'def _f(d):\n    pass',
             'try:\n    f()\nexcept OSError as e:\n    pass', 'with f() as d:\n    pass', '#| hide\ndef f(k):\n    pass'],
    'typed': ['def f(x):\n    pass', 'class A:\n    def f(self, x):\n        pass', '#| export\ndef f(x):\n    pass',
              'class A:\n    def __init__(self, x):\n        pass', 'def f(*, x):\n    pass'],
    'signature': ['def f(i:int, n:int,\n      x:int, q:int):\n    pass'],
    'cell': ['#| export\n' + 26*'x = f()\n', '#| export\nclass A:\n' + 40*'    x = f()\n'],
    'test': ['#| hide\nassert x', '#| hide\ntest_eq(x, 1)', 'test_eq(x, 1), test_eq(x, 2)'],
    'function': ['def f():\n' + 30*'    x = g()\n'],
    'module': [401*'x = f()\n'],
}
KEEP = [
    'TABLE = [\n' + WIDE + ']', '__all__ = [\n' + WIDE + ']', 'x = ";"', '# a; b',
    'i, n = n, i', 'i, n, x = n, x, i', 'i, n = 1, 2', 'i, n = f(1), f(2)', 'i, n, x = f()', 'i, n = x.a, x.b',
    'for i in x:\n    if i: continue\n    elif n: break', 'if x: raise ValueError(x)', 'x = 1 if x else 2',
    'def f():\n    "By equation 3"\n    a = z = 1', 'def f(k:int):\n    pass', 'for _ in x:\n    pass', 'f(k=1)', 'd.a = 1',
    'def _f(x):\n    pass', 'class A:\n    def __len__(self):\n        pass', 'def f():\n    def g(x):\n        pass',
    'def f(\n    i:int, # one\n    n:int,\n    x:int,\n    q:int\n):\n    pass', 'def f(i:int, n:int, x:int):\n    pass',
    '#| hide\ndef f(x):\n    pass', '#| export\n' + 25*'x = f()\n\n', '#| export\nTABLE = [\n' + 30*'1,\n' + ']',
    '#| export\nclass A:\n' + 39*'    x = f()\n', 'assert x\ntest_eq(x, 1)', '#| hide\nfrom fastcore.test import *',
    'def f():\n    """a\n' + 30*'    b\n' + '    """\n' + 29*'    x = g()\n\n', 400*'x = f()\n',
]
