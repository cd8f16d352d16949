"""Sphinx configuration: Markdown pages, and the API from docstrings."""

import re
import sys
from pathlib import Path

from steepest import __version__

sys.path.insert(0, str(Path(__file__).parent))
import figure_pages

project = "steepest"
author = "The steepest developers"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
numpydoc_show_class_members = False
autodoc_mock_imports = ["torch"]  # an extra that the pages do without
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # tutorials run once, and again where their code has changed
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True  # what they write is theirs
nb_merge_streams = True
exclude_patterns = ["_build", "_figures"]
html_theme = "pydata_sphinx_theme"
html_title = f"steepest {__version__}"
html_static_path = ["_static"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
nitpicky = False


def as_plain_text(app, what, name, obj, options, lines):
    """Docstrings are plain text: a bar is a bar, and backticks are code."""
    lines[:] = [
        re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``\\ ", line.replace("|", "\\|")) for line in lines
    ]


def write_figure_pages(app):
    figure_pages.write_pages(figure_pages.PAGES, figure_pages.RESULTS)


def setup(app):
    app.connect("builder-inited", write_figure_pages)
    app.connect("autodoc-process-docstring", as_plain_text)
