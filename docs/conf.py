"""Sphinx configuration: Markdown pages, and the API from docstrings. No page asks another site."""

import re
import shutil
import sys
from pathlib import Path

import mathjax  # MathJax's own files, in a package

from steepest import __version__

sys.path.insert(0, str(Path(__file__).parent))
import api_pages
import figure_pages
import site_pages
import uses

OTHERS = {
    "python": "https://docs.python.org/3",
    "numpy": "https://numpy.org/doc/stable",
    "scipy": "https://docs.scipy.org/doc/scipy",
    "jax": "https://docs.jax.dev/en/latest",
    "pandas": "https://pandas.pydata.org/docs",
    "xarray": "https://docs.xarray.dev/en/stable",
    "matplotlib": "https://matplotlib.org/stable",
    "torch": "https://docs.pytorch.org/docs/stable",
    "optax": "https://optax.readthedocs.io/en/latest",
}

project = "steepest"
author = "The steepest developers"
version = release = __version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_design",
]
numpydoc_show_class_members = False
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # tutorials run once, and again where their code has changed
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True  # what they write is theirs
nb_merge_streams = True
exclude_patterns = ["_build", "_figures", "_generated", "_inventories", "figures/papers.md"]
mathjax_path = "mathjax/tex-mml-chtml.js"
html_theme = "pydata_sphinx_theme"
html_title = f"steepest {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "_static/mark.svg"
html_theme_options = {
    "header_links_before_dropdown": 5,
    "logo": {"text": "steepest"},
    "navigation_depth": 4,
    "collapse_navigation": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
}
html_sidebars = {"index": []}
html_show_sourcelink = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False  # api_pages writes them
nitpicky = False
# Names of other projects get links where their inventories lie in docs/_inventories (objects.inv as
# PROJECT.inv); nothing is fetched.
intersphinx_mapping = {
    path.stem: (OTHERS[path.stem], str(path))
    for path in sorted((Path(__file__).parent / "_inventories").glob("*.inv"))
    if path.stem in OTHERS
}


def as_plain_text(app, what, name, obj, options, lines):
    """Docstrings are plain text: a bar is a bar, and backticks are code."""
    lines[:] = [
        re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``\\ ", line.replace("|", "\\|")) for line in lines
    ]


def write_pages(app):
    figure_pages.write_pages(figure_pages.PAGES, figure_pages.RESULTS)
    api = Path(app.srcdir) / "api"
    users = uses.by_object(uses.uses(figure_pages.RESULTS))
    api_pages.write_pages(api, Path(app.srcdir) / "_generated/api", api / "objects", users)
    site_pages.write_parts(Path(app.srcdir) / "_generated")


def copy_mathjax(app, exception):
    """Put what our pages use of MathJax beside them: one script and its letters."""
    if exception or app.builder.format != "html":
        return
    source = Path(mathjax.__file__).parent / "static/mathjax/es5"
    target = Path(app.outdir) / "_static/mathjax"
    for part in (mathjax_path.removeprefix("mathjax/"), "output/chtml/fonts/woff-v2"):
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / part, target / part)


def setup(app):
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", as_plain_text)
    app.connect("build-finished", copy_mathjax)
